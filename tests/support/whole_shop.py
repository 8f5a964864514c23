"""All five services on a cluster with pods, and what their stores say of orders."""

import contextlib
import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from demo import backing, images, install, shop
from demo.__main__ import DEVELOPMENT, FULL
from demo.tools import Tools
from devcluster.cluster import Cluster
from devcluster.errors import DevclusterError
from devcluster.images import BuiltImage
from tests.support.callers import Shop
from tests.support.kube import Object, RequestFailed, condition, wait_for

HERE = Path(__file__).parents[1] / "e2e" / "shop"
ROLLED = ("order", "payment", "delivery")
"""Those that there is a version to upgrade to."""
SERVICES = ("order", "payment", "delivery", "user", "notification")
STAND_IN = ("exec", "stand-ins-0", "-c")
_SUBJECTS = """import collections, json, pathlib
found = collections.Counter()
for mail in pathlib.Path('/var/mail/shop/new').glob('*'):
    for line in mail.read_text().splitlines():
        if line.startswith('Subject: '): found[line.removeprefix('Subject: ')] += 1
print(json.dumps(found))
"""
_STRIPE = """import sys, urllib.request
headers = {'Authorization': f'Bearer {sys.argv[1]}'}
request = urllib.request.Request('http://127.0.0.1:443/_stand_in/account', headers=headers)
print(urllib.request.urlopen(request).read().decode())
"""


class WholeShop(Shop):
    """The namespace shop with everything in it."""

    def upgrade(self, service: str, version: str) -> None:
        image = f"{images.REGISTRY}/{service}:{version}"
        self.patch(service, {"image": image})

    def patch(self, service: str, spec: Object) -> None:
        self.kubectl("patch", "deliveryservice", service, "--type=merge", "-p", json.dumps({"spec": spec}))

    def wait_ready(self, *services: str, seconds: float = 240) -> None:
        """Wait until the newest spec of each serves."""
        for service in services or SERVICES:
            wait_for(partial(self._ready, service), f"{service} Ready", seconds, self.explain)

    def _ready(self, service: str) -> bool:
        found: Object = self.kube.get("DeliveryService", shop.NAMESPACE, service)
        status = found.get("status") or {}
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        return bool(current) and condition(found, "Ready").get("status") == "True"

    def explain(self) -> str:
        """What an on-call engineer would look at."""
        return self.kubectl("get", "deliveryservices,pods,jobs") + self.kubectl("describe", "deliveryservices")

    def pods(self, service: str) -> list[Object]:
        """Those that are not on their way out."""
        found = self.kube.list("Pod", shop.NAMESPACE, f"delivery.dev/service={service},delivery.dev/process")
        return [each for each in found if not each["metadata"].get("deletionTimestamp")]

    def lose(self, pod: Object) -> None:
        """`kill -9` of what runs in a pod, and no word of it, as of a node that is lost: another pod takes its place.

        The kubelet would start it again as well, but ever later: what dies again and again is thought to be broken.
        """
        self.kill(pod)
        name = pod["metadata"]["name"]
        self.kubectl("delete", "pod", name, "--grace-period=0", "--force", "--ignore-not-found", "--wait=false")

    def kill(self, pod: Object) -> None:
        """`kill -9` of what runs in a pod: the kubelet finds it dead, and starts its container again."""
        uid = pod["metadata"]["uid"]
        for process in _processes(uid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def restart(self, server: str) -> None:
        """Kill a backing service's server, and wait until it is back."""
        (pod,) = self.kube.list("Pod", shop.NAMESPACE, f"app.kubernetes.io/name={server}")
        before = _restarts(pod)
        self.kill(pod)

        def back() -> bool:
            found = self.kube.get("Pod", shop.NAMESPACE, pod["metadata"]["name"])
            return _restarts(found) > before and condition(found, "Ready").get("status") == "True"

        wait_for(back, f"{server} to be back", 120, self.explain)

    @contextlib.contextmanager
    def kills(self, services: Sequence[str], every_seconds: float, seed: int) -> Iterator[Counter[str]]:
        """Kill a pod of each of these services, again and again, until the context ends.

        A kill that fails is no reason to end, the cluster being busy; how many there were is the test's to judge.
        """
        rng, over, killed = random.Random(seed), threading.Event(), Counter[str]()  # noqa: S311 a test's choices

        def keep_killing() -> None:
            while not over.wait(every_seconds):
                for service in services:
                    with contextlib.suppress(RequestFailed, OSError, DevclusterError):
                        if pods := self.pods(service):
                            self.lose(rng.choice(pods))
                            killed[service] += 1

        thread = threading.Thread(target=keep_killing, name="kills")
        thread.start()
        try:
            yield killed
        finally:
            over.set()
            thread.join()

    def users(self, number: int) -> list[str]:
        """Make users; gives their ids."""
        return shop.client(self.tools, "user", str(HERE / "users.py"), str(number)).split()

    @contextlib.contextmanager
    def customers(self, orders: int, rate: float, users: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Customers who order, pay and are brought it; the mapping holds what became of it afterwards."""
        variables = {"ORDERS": str(orders), "RATE": str(rate), "USERS": ",".join(users), **ADDRESSES}
        image = f"{images.REGISTRY}/payment:{images.VERSIONS[0]}"
        name = self.start_caller("customers", image, HERE / "load.py", variables)
        wait_for(lambda: "ordering" in self.logs(name), "the first order", 90, self.explain)
        result: dict[str, Any] = {}
        yield result
        # Each customer waits three times as long as load.py's patience, at most.
        wait_for(lambda: self.ended(name), "the end of all orders", orders / rate + 1800, lambda: self.logs(name))
        result.update(json.loads(self.logs(name).splitlines()[-1]))

    # What the stores say.

    def statuses(self, order_ids: Collection[str]) -> Counter[str]:
        """How many of these orders have which status."""
        found = dict(self.rows("order", "SELECT id, status FROM orders"))
        return Counter(found.get(each, "missing") for each in order_ids)

    def payments(self, order_ids: Collection[str]) -> Counter[str]:
        """How many payments of these orders have which status."""
        return Counter(
            status
            for each, status in self.rows("payment", "SELECT order_id, status FROM payments")
            if each in order_ids
        )

    def captured(self, order_ids: Collection[str]) -> Counter[int]:
        """How often Stripe took the money: of how many orders how often."""
        key = self.tools.secret("payment-stripe", shop.NAMESPACE)["api-key"]
        account = json.loads(self.kubectl(*STAND_IN, "stripe", "--", "/app/bin/python", "-c", _STRIPE, key))
        done = [each["data"]["object"] for each in account["events"] if each["type"] == "payment_intent.succeeded"]
        times = Counter(each["metadata"]["order_id"] for each in done)
        return Counter(times[each] for each in order_ids)

    def couriers(self, order_ids: Collection[str]) -> Counter[int]:
        """How many couriers were told of as an order's: of how many orders how many."""
        words = (
            "--bootstrap-server",
            "localhost:9092",
            "--topic",
            "deliveries",
            "--from-beginning",
            "--timeout-ms",
            "8000",
        )
        said = self.kubectl("exec", "kafka-0", "--", "/opt/kafka/bin/kafka-console-consumer.sh", *words)
        events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        assigned = {(each["id"], each["courier_id"]) for each in events if each["event"] == "delivery_assigned"}
        times = Counter(order_id for order_id, _ in assigned)
        return Counter(times[each] for each in order_ids)

    def mails(self, order_ids: Collection[str]) -> Counter[int]:
        """How often each mail about these orders came: of how many mails how often."""
        found = json.loads(self.kubectl(*STAND_IN, "mail", "--", "/app/bin/python", "-c", _SUBJECTS))
        return Counter(times for subject, times in found.items() if any(word in order_ids for word in subject.split()))

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """The spans of a trace that the collector has got."""
        logs = self.tools.cluster.kubectl("-n", shop.NAMESPACE, "logs", "stand-ins-0", "-c", "spans")
        return [json.loads(line) for line in logs.splitlines() if trace_id in line]


ADDRESSES = {
    "ORDER_ADDRESS": "order-service:50051",
    "PAYMENT_URL": "http://payment-service",
    "DELIVERY_URL": "http://delivery-service",
}


def open_whole_shop(cluster: Cluster, built: Sequence[BuiltImage], log: Path) -> WholeShop:
    """The demo's steps, with all five services."""
    tools = Tools(cluster, log)
    for image in built:
        cluster.load_docker_image(str(image.archive))
    install.install(tools, built[0])
    # First: an order service that was there before gets a release by what is provided, which takes the environment.
    tools.kubectl("apply", "-f", str(DEVELOPMENT))
    tools.kubectl("wait", "--for=condition=Ready", "-f", str(DEVELOPMENT), "--timeout=60s")
    backing.provide(tools, FULL)
    shop.deploy(tools, lambda _: None, *FULL)
    # Until that release serves, orders have no price.
    wait_for(lambda: '"total"' in shop.call(tools)[0][1], "orders with a price", 120)
    return WholeShop(cluster, tools)


def _processes(uid: str) -> list[int]:
    """What runs in a pod, less what holds its network; by the cgroups' names."""
    found = []
    for cgroup in Path("/proc").glob("[0-9]*/cgroup"):
        with contextlib.suppress(OSError):
            if uid in cgroup.read_text() and "/pause" not in cgroup.with_name("cmdline").read_text():
                found.append(int(cgroup.parent.name))
    return found


def _restarts(pod: Object) -> int:
    return sum(each["restartCount"] for each in pod["status"].get("containerStatuses", ()))

"""The order service on a cluster with pods, and how tests look at it and disturb it."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3
import yaml

from delivery_operator.cluster.resources import BY_KIND, LEASES
from delivery_operator.runtime.settings import LEASE
from demo import backing, images, install, shop
from demo.tools import Tools
from devcluster.cluster import Cluster
from devcluster.images import BuiltImage
from tests.support.callers import SCRATCH, Shop
from tests.support.kube import EXTRA, Object, RequestFailed, condition, wait_for
from tests.support.operator import renews

LOAD = Path(__file__).parents[1] / "e2e" / "operator" / "load.py"
ACCOUNT = f"system:serviceaccount:{install.NAMESPACE}:{install.RELEASE}"
POD_NAME = "authentication.kubernetes.io/pod-name"
"""What a service account's token tells the API server, and the audit log, about the pod that it was given to."""
RESOURCES = {word: each for each in (*BY_KIND.values(), *EXTRA.values()) for word in (each.kind.lower(), each.plural)}
"""What may be asked for, by the names that kubectl knows it by."""
RESYNC_SECONDS = 15
WRITES = {"create", "update", "patch", "delete", "deletecollection"}


def now() -> str:
    """The time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class OrderShop(Shop):
    """The namespace shop with the order service, and what that is attached to."""

    def get(self, kind: str, name: str = "") -> Any:
        """One object, or the items of a collection; None, or nothing, while the API server has no answer.

        Not by kubectl: tests look ten times a second, and starting it each time takes more than a processor has.
        """
        resource = RESOURCES[kind]
        with contextlib.suppress(RequestFailed, urllib3.exceptions.HTTPError):
            return self.kube.get(resource, shop.NAMESPACE, name) if name else self.kube.list(resource, shop.NAMESPACE)
        return None if name else []

    def service(self) -> Object:
        found = self.get("deliveryservice", "order")
        assert found is not None, "there is no DeliveryService order"
        return dict(found)

    def patch(self, spec: Object) -> None:
        self.kubectl("patch", "deliveryservice", "order", "--type=merge", "-p", json.dumps({"spec": spec}))

    def upgrade(self, version: str) -> None:
        self.patch({"image": f"{images.ORDER}:{version}"})

    def attach(self, binding: str, secret: str) -> None:
        """Attach the service to what another Secret names, in the place of what it was attached to."""
        names = [each["name"] for each in self.service()["spec"]["backingServices"]]
        change = {"op": "replace", "path": f"/spec/backingServices/{names.index(binding)}/secret", "value": secret}
        self.kubectl("patch", "deliveryservice", "order", "--type=json", "-p", json.dumps([change]))

    def restore(self) -> None:
        """Bring the service to what the example says, and wait until it serves."""
        shop.deploy(self.tools, lambda _: None)
        self.wait_ready(str(yaml.safe_load(shop.SERVICE.read_text())["spec"]["image"]))

    def wait_ready(self, image: str | None = None, seconds: float = 120) -> Object:
        """Wait until the newest spec serves, with this image."""

        def look() -> Object | None:
            found = self.get("deliveryservice", "order")
            status = (found or {}).get("status") or {}
            serves = condition(found, "Ready").get("status") == "True" and image in {None, status.get("image")}
            return found if serves and status["observedGeneration"] == found["metadata"]["generation"] else None

        return wait_for(look, f"order Ready with {image}", seconds, self.explain)

    def wait_reason(self, reason: str, seconds: float = 120) -> Object:
        """Wait until Ready is False for this reason."""

        def look() -> Object | None:
            found = self.get("deliveryservice", "order")
            ready = condition(found, "Ready")
            return found if ready.get("status") == "False" and ready.get("reason") == reason else None

        return wait_for(look, f"order not Ready: {reason}", seconds, self.explain)

    def explain(self) -> str:
        """What an on-call engineer would look at."""
        return self.kubectl("describe", "deliveryservice", "order") + self.kubectl("get", "pods,jobs,deliveryreleases")

    def newest_release(self) -> Object:
        return dict(max(self.get("deliveryreleases"), key=lambda each: int(each["spec"]["number"])))

    def pods(self, release: int, process: str = "") -> list[Object]:
        """The pods of a release's processes, or of one of them."""
        of = f"delivery.dev/process={process}" if process else "delivery.dev/process"
        return self.kube.list("Pod", shop.NAMESPACE, f"delivery.dev/release={release},{of}")

    def whole(self, release: int) -> bool:
        """Whether a release has as many pods as the example says."""
        processes = yaml.safe_load(shop.SERVICE.read_text())["spec"]["processes"]
        return len(self.pods(release)) == sum(int(each.get("replicas", 1)) for each in processes.values())

    def wait_gone(self, release: int, seconds: float = 120) -> None:
        """Wait until no pod of a release's processes is left."""
        wait_for(lambda: not self.pods(release), f"the pods of release {release} to go", seconds, self.explain)

    def call(self) -> None:
        """A real CreateOrder and GetOrder through the Service."""
        assert [method for method, _ in shop.call(self.tools)] == ["CreateOrder", "GetOrder"]

    def schema(self) -> str:
        """The schema's revision, as alembic keeps it."""
        ((revision,),) = self.rows("order", "SELECT version_num FROM alembic_version")
        return revision

    def set_schema(self, revision: str) -> None:
        """Make alembic believe that the schema is at another revision."""
        self.rows("order", f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608 the test's own words

    def operator_pod(self) -> str:
        """Name of the pod whose operator leads; empty while none does, or while its pod is on its way out."""
        lease = self.kube.get(LEASES, install.NAMESPACE, LEASE)
        holder = str(lease["spec"].get("holderIdentity") or "")
        return holder if holder in self.operator_pods() else ""

    def operator_pods(self) -> set[str]:
        """Names of the operator's pods that are not on their way out."""
        listed = self.kube.list("Pod", install.NAMESPACE, "app.kubernetes.io/name=delivery-operator")
        return {pod["metadata"]["name"] for pod in listed if not pod["metadata"].get("deletionTimestamp")}

    def operator_events(self, after: datetime) -> list[Object]:
        """The requests of all the operator's replicas that the API server recorded."""
        return [event for event in self.cluster.audit_events(after) if event["user"].get("username") == ACCOUNT]

    def operator_writes(self, after: datetime) -> list[str]:
        """Their write requests, in words, but those that hold the Lease."""
        events = self.operator_events(after)
        return [
            f"{event['verb']} {event['requestURI']}"
            for event in events
            if event["verb"] in WRITES and not renews(event, install.NAMESPACE)
        ]

    def wait_for_resyncs(self, number: int, seconds: float) -> None:
        """Wait until the operator that leads has listed all services this many times from now."""
        begun = datetime.now(UTC)

        def listed() -> bool:
            leader = self.operator_pod()
            lists = [
                event
                for event in self.operator_events(begun)
                if event["verb"] == "list"
                and event["objectRef"]["resource"] == "deliveryservices"
                and leader in event["user"].get("extra", {}).get(POD_NAME, ())
            ]
            return len(lists) >= number

        wait_for(listed, f"{number} resyncs", seconds)

    @contextlib.contextmanager
    def load(self, rate: int) -> Iterator[dict[str, Any]]:
        """Call the service at a steady rate from a pod; the mapping holds the result when the context has ended."""
        variables = {"ADDRESS": "order-service:50051", "RATE": str(rate)}
        name = self.start_caller("load", f"{images.ORDER}:{images.VERSIONS[0]}", LOAD, variables)
        wait_for(lambda: "calling" in self.logs(name), "the first call", 60, self.explain)
        result: dict[str, Any] = {}
        yield result
        self.kubectl("exec", name, "--", "/app/bin/python", "-c", f"open('{SCRATCH}/stop', 'w')")
        wait_for(lambda: self.ended(name), "the end of the load", 60)
        result.update(json.loads(self.logs(name).splitlines()[-1]))


def open_shop(cluster: Cluster, built: Sequence[BuiltImage], log: Path) -> OrderShop:
    """The demo's steps up to what the service is attached to, with a short resync; the operator's image comes first."""
    tools = Tools(cluster, log)
    for image in built:
        cluster.load_docker_image(str(image.archive))
    install.install(tools, built[0], {"resyncSeconds": str(RESYNC_SECONDS)})
    backing.provide(tools, ["order"])
    return OrderShop(cluster, tools)

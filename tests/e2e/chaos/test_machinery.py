"""What the machinery below does: a store that does not answer, a lease that is taken."""

import contextlib
import json
import threading
from collections.abc import Iterator

import pytest

from delivery_operator.runtime.settings import LEASE
from demo import install
from devcluster.cluster import Cluster
from devcluster.errors import ToolError
from tests.support.kube import wait_for
from tests.support.node import OrderShop

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

NEXT = "registry.example.com/shop/order:v1.1.0"
PAUSED_SECONDS, BETWEEN_SECONDS = 2.0, 0.7


def test_a_slow_etcd_delays_a_release_and_breaks_nothing(order: OrderShop) -> None:
    """Two of three seconds it does not answer: requests time out or take seconds, watches stall."""
    before = order.newest_release()["spec"]["number"]
    with order.load(rate=20) as result:
        with _slow(order.cluster, "etcd"):
            wait_for(lambda: _accepted(order, "v1.1.0"), "the upgrade to be taken", 60)
            order.wait_ready(NEXT, seconds=300)
        order.wait_gone(before)
    assert result["errors"] == []
    newest = order.newest_release()
    assert newest["spec"]["number"] == before + 1
    assert newest["status"]["migration"]["result"] == "Succeeded"


def test_a_lease_that_somebody_else_takes(order: OrderShop) -> None:
    """The leader stops in the middle of a release; nobody leads until the thief's time is over; then it goes on."""
    before = order.newest_release()["spec"]["number"]
    order.upgrade("v1.1.0")
    wait_for(lambda: order.service()["status"].get("phase") in {"Migrating", "RollingOut"}, "the upgrade to begin", 60)
    theft = json.dumps({"spec": {"holderIdentity": "thief"}})
    order.tools.kubectl("patch", "lease", LEASE, "-n", install.NAMESPACE, "--type=merge", "-p", theft)
    order.call()
    wait_for(order.operator_pod, "one of the operator's pods to lead again", 120)
    order.wait_ready(NEXT, seconds=180)
    newest = order.newest_release()
    assert newest["spec"]["number"] == before + 1
    job = order.get("job", f"{newest['metadata']['name']}-migrate")
    assert job["metadata"]["uid"] == newest["status"]["migration"]["uid"]
    assert job["status"]["succeeded"] == 1
    order.call()


def _accepted(order: OrderShop, version: str) -> bool:
    """Ask for a version; whether the API server answered, which it may not while its store does not."""
    with contextlib.suppress(ToolError):
        order.upgrade(version)
        return True
    return False


@contextlib.contextmanager
def _slow(cluster: Cluster, component: str) -> Iterator[None]:
    """Let a component answer for a moment in every three seconds only."""
    over = threading.Event()

    def keep_pausing() -> None:
        while not over.is_set():
            cluster.pause_component(component)
            over.wait(PAUSED_SECONDS)
            cluster.resume_component(component)
            over.wait(BETWEEN_SECONDS)

    pausing = threading.Thread(target=keep_pausing, name=f"slow {component}")
    pausing.start()
    try:
        yield
    finally:
        over.set()
        pausing.join()

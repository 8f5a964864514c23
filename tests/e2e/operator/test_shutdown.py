"""What a real kubelet and a real runtime report of pods that end, and what the operator makes of it (F9-3, F9-10)."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from demo import images
from tests.support.kube import Object, condition, wait_for
from tests.support.node import OrderShop

NAMESPACE = "endings"
GRACE = 4
ON_SIGTERM = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: {what}); [time.sleep(9) for _ in iter(int, 1)]"
)
# The first process of a container that has no handler is not ended by SIGTERM: the kernel ignores it.
DEAF = "import time; time.sleep(3600)"
PROGRAMS = {
    "drains": ON_SIGTERM.format(what="(time.sleep(1), sys.exit(0))"),
    "fails": ON_SIGTERM.format(what="sys.exit(3)"),
    "hungry": ON_SIGTERM.format(what="[bytearray(1 << 26) for _ in range(64)]"),
    "deaf": DEAF,
    "forced": DEAF,
    "hurried": DEAF,
}


def manifests() -> list[Object]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    processes: dict[str, Any] = {
        name: {
            "command": ["/app/bin/python", "-c", program],
            "shutdown": {"preStopSeconds": 1, "drainSeconds": 2, "graceSeconds": GRACE},
            "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "96Mi"}},
        }
        for name, program in PROGRAMS.items()
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}},
        {
            "apiVersion": "delivery.dev/v1alpha1",
            "kind": "DeliveryService",
            "metadata": {"name": "ends", "namespace": NAMESPACE},
            "spec": {"image": f"{images.ORDER}:{images.VERSIONS[0]}", "processes": processes},
        },
    ]


@pytest.fixture
def shop(order_shop: OrderShop) -> Iterator[OrderShop]:
    """A service whose processes end in their own ways, Ready."""
    order_shop.tools.kubectl("apply", "-f", "-", manifest=yaml.safe_dump_all(manifests()))
    kubectl(order_shop, "wait", "--for=condition=Ready", "deliveryservice/ends", "--timeout=180s")
    yield order_shop
    order_shop.tools.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def kubectl(shop: OrderShop, *words: str) -> str:
    return shop.tools.kubectl("-n", NAMESPACE, *words)


def delete_pods(shop: OrderShop, *options: str, of: str) -> None:
    kubectl(shop, "delete", "pod", "-l", f"delivery.dev/process in ({of})", "--timeout=120s", *options)


def service(shop: OrderShop) -> Object:
    return shop.kube.get("DeliveryService", NAMESPACE, "ends")


def told(shop: OrderShop) -> dict[str, Object]:
    return {each["process"]: each for each in service(shop)["status"].get("shutdown", [])}


def test_each_end_is_judged_as_it_was(shop: OrderShop) -> None:
    """F9-10: clean, failed, out of memory, killed at the deadline; and two of which nobody can know."""
    delete_pods(shop, "--grace-period=0", "--force", of="forced")
    delete_pods(shop, "--grace-period=2", of="hurried")
    delete_pods(shop, of="drains,fails,hungry,deaf")
    expected = {"drains", "fails", "hungry", "deaf"}
    found = wait_for(lambda: told(shop) if expected <= set(told(shop)) else None, "all ends", 60, lambda: service(shop))

    assert set(found) == expected, "what cannot be known is not told"
    assert {name: each["result"] for name, each in found.items()} == {
        "drains": "Clean",
        "fails": "Failed",
        "hungry": "Failed",
        "deaf": "Killed",
    }
    codes = {name: each.get("exitCode") for name, each in found.items()}
    assert codes == {"drains": None, "fails": 3, "hungry": 137, "deaf": 137}
    assert {each["graceSeconds"] for each in found.values()} == {GRACE}
    assert found["drains"]["withinSeconds"] in {2, 5}

    clean = condition(service(shop), "ShutdownClean")
    assert (clean["status"], clean["reason"]) == ("False", "KilledAtDeadline")
    assert "process deaf of release ends-r1 was killed" in clean["message"]
    assert "process hungry of release ends-r1 was killed for using more memory" in clean["message"]

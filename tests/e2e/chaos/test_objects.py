"""What others do to the objects: labels, owner references, the CRD, the whole namespace."""

import json
from datetime import UTC, datetime

import pytest

from tests.support.kube import wait_for
from tests.support.node import OrderShop

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

CRD = "deliveryservices.delivery.dev"
NAMESPACE = "phoenix"
SERVE = (
    "import http.server as h\n"
    "class H(h.BaseHTTPRequestHandler):\n"
    "    def do_GET(self): self.send_response(200); self.end_headers()\n"
    "h.ThreadingHTTPServer(('', 8080), H).serve_forever()\n"
)
PHOENIX = {
    "apiVersion": "delivery.dev/v1alpha1",
    "kind": "DeliveryService",
    "metadata": {"name": "bird"},
    "spec": {
        "image": "registry.example.com/shop/order:v1.0.0",
        "codebase": {"repository": "https://git.example.com/shop/bird", "revision": "v1.0.0"},
        "processes": {
            "web": {
                "command": ["/app/bin/python", "-c", SERVE],
                "port": {"number": 8080, "protocol": "http"},
                "shutdown": {"preStopSeconds": 1, "drainSeconds": 1},
            }
        },
        "release": {"migrate": {"command": ["/app/bin/python", "-c", "pass"], "backoffLimit": 0}},
    },
}


@pytest.mark.parametrize(
    "taken",
    [
        pytest.param({"labels": {"delivery.dev/service": None, "app.kubernetes.io/managed-by": "me"}}, id="labels"),
        pytest.param({"ownerReferences": None}, id="owner reference"),
    ],
)
def test_what_is_taken_from_children_and_releases_comes_back_and_nothing_restarts(
    order: OrderShop, taken: dict[str, object]
) -> None:
    pods, release = _uids(order), order.newest_release()
    kinds = {"deployment": "order-web", "service": "order-service", "deliveryrelease": release["metadata"]["name"]}
    before = {kind: order.get(kind, name)["metadata"] for kind, name in kinds.items()}
    for kind, name in kinds.items():
        order.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps({"metadata": taken}))

    def back() -> bool:
        now = {kind: order.get(kind, name)["metadata"] for kind, name in kinds.items()}
        fields = ("uid", "labels", "ownerReferences")
        return all(now[kind].get(each) == before[kind][each] for kind in kinds for each in fields)

    wait_for(back, "everything to be as it was", 60, order.explain)
    order.wait_for_resyncs(2, seconds=90)
    order.wait_ready()
    assert order.newest_release()["metadata"]["uid"] == release["metadata"]["uid"], "no release is made for it"
    assert _uids(order) == pods
    order.call()


def test_an_updated_crd_changes_nothing_that_runs(order: OrderShop) -> None:
    """A newer version of the CRD, with one more column and another description, in the middle of a release."""
    before = order.newest_release()["spec"]["number"]
    crd = json.loads(order.tools.kubectl("get", "crd", CRD, "-o", "json"))
    newer = json.loads(json.dumps(crd))
    del newer["metadata"]["resourceVersion"], newer["status"]
    version = newer["spec"]["versions"][0]
    version["additionalPrinterColumns"].append({"name": "Number", "type": "integer", "jsonPath": ".status.number"})
    version["schema"]["openAPIV3Schema"]["description"] = "A service, as a newer operator describes it."
    try:
        order.upgrade("v1.1.0")
        order.tools.kubectl("replace", "-f", "-", manifest=json.dumps(newer))
        order.wait_ready("registry.example.com/shop/order:v1.1.0")
        assert "NUMBER" in order.kubectl("get", "deliveryservices")
        order.wait_gone(before)
        order.wait_for_resyncs(2, seconds=90)  # how they ended is told after the first
        changed = datetime.now(UTC)
        pods = _uids(order)
        order.wait_for_resyncs(2, seconds=90)
        assert order.operator_writes(changed) == []
        assert _uids(order) == pods
        order.call()
    finally:
        version["additionalPrinterColumns"].pop()
        order.tools.kubectl("replace", "-f", "-", manifest=json.dumps({**newer, "spec": crd["spec"]}))


def test_a_namespace_that_is_deleted_and_made_again(order: OrderShop) -> None:
    """Nothing of the first life is in the way of the second: not its releases, nor what the operator remembers."""
    tools = order.tools
    lives = []
    try:
        for _ in range(2):
            tools.kubectl("create", "namespace", NAMESPACE)
            tools.kubectl("apply", "-n", NAMESPACE, "-f", "-", manifest=json.dumps(PHOENIX))
            tools.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "deliveryservice/bird", "--timeout=120s")
            found = json.loads(tools.kubectl("get", "deliveryservice,deliveryrelease", "-n", NAMESPACE, "-o", "json"))
            lives.append({item["kind"]: item for item in found["items"]})
            assert len(found["items"]) == 2, "one service, one release"
            tools.kubectl("delete", "namespace", NAMESPACE, "--timeout=120s")
    finally:
        tools.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    first, second = lives
    assert first["DeliveryService"]["metadata"]["uid"] != second["DeliveryService"]["metadata"]["uid"]
    for life in lives:
        assert life["DeliveryRelease"]["metadata"]["name"] == "bird-r1"
        assert life["DeliveryRelease"]["status"]["migration"]["result"] == "Succeeded"
    order.call()


def _uids(order: OrderShop) -> set[str]:
    return {pod["metadata"]["uid"] for pod in order.pods(order.newest_release()["spec"]["number"])}

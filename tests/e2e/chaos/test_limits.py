"""What others put in the operator's way: rights taken back, a quota, somebody's webhook that does not answer."""

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from delivery_operator.engine.pods import living
from demo import install, shop
from tests.support.kube import Object, condition, wait_for
from tests.support.node import OrderShop

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

NEXT = "registry.example.com/shop/order:v1.1.0"


@contextlib.contextmanager
def without(order: OrderShop, kind: str, name: str) -> Iterator[None]:
    """Take an object of the cluster away, and give it back."""
    kept = json.loads(order.tools.kubectl("get", kind, name, "-o", "json"))
    metadata = {field: kept["metadata"].get(field) for field in ("name", "labels", "annotations")}
    order.tools.kubectl("delete", kind, name)
    try:
        yield
    finally:
        order.tools.kubectl("create", "-f", "-", manifest=json.dumps({**kept, "metadata": metadata}))


@contextlib.contextmanager
def there(order: OrderShop, manifest: Object) -> Iterator[None]:
    """Put an object into the namespace of the order service, and take it away."""
    order.kubectl("apply", "-f", "-", manifest=json.dumps(manifest))
    try:
        yield
    finally:
        order.kubectl("delete", manifest["kind"], manifest["metadata"]["name"])


def test_rights_that_are_taken_away_and_given_back(order: OrderShop) -> None:
    before = order.newest_release()["spec"]["number"]
    begun = datetime.now(UTC)
    with without(order, "clusterrolebinding", install.RELEASE):
        order.upgrade("v1.1.0")
        wait_for(lambda: _forbidden(order, begun), "the operator to be refused", 120, order.explain)
        assert order.whole(before)
        order.call()
    # Its watches were refused too: it finds out by itself that it may look again.
    order.wait_ready(NEXT, seconds=240)
    order.call()


def test_a_quota_that_is_used_up_is_named_and_takes_nothing_down(order: OrderShop) -> None:
    wait_for(lambda: not any(_leaves(each) for each in order.get("pods")), "the old pods to go", 120)
    pods = len(living(order.get("pods")))  # a quota does not count those that have ended
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "full"},
        "spec": {"hard": {"pods": str(pods)}},
    }
    with there(order, quota):
        wait_for(lambda: (order.get("resourcequota", "full").get("status") or {}).get("used"), "the quota", 30)
        order.patch({"image": NEXT, "release": {"migrate": None}})
        found = order.wait_reason("PodsRefused")
        assert "exceeded quota: full" in condition(found, "Ready")["message"]
        order.call()
    order.wait_ready(NEXT, seconds=240)  # the Deployment's controller tries again later and later
    order.call()


def test_a_webhook_of_others_that_does_not_answer_is_named_and_takes_nothing_down(order: OrderShop) -> None:
    webhook = {
        "name": "judge.example.com",
        "clientConfig": {"service": {"namespace": shop.NAMESPACE, "name": "no-such-judge", "path": "/"}},
        "rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": shop.NAMESPACE}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 2,
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "judge"},
        "webhooks": [webhook],
    }
    with there(order, configuration):
        order.upgrade("v1.1.0")
        found = order.wait_reason("WriteRefused")
        message = condition(found, "Ready")["message"]
        assert "Deployment order-web" in message
        assert "judge.example.com" in message
        order.call()
    order.wait_ready(NEXT)
    order.call()


def _leaves(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _forbidden(order: OrderShop, begun: datetime) -> bool:
    return any(event["responseStatus"]["code"] == 403 for event in order.operator_events(begun))

"""What the API server refuses, with the message that says what to write instead; and what it takes."""

import copy
from typing import Any

import pytest

from tests.support import shop
from tests.support.changes import REFUSED, TAKEN, Change
from tests.support.kube import Kube, Object, RequestFailed


@pytest.mark.parametrize(("change", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_with_a_remedy(kube: Kube, change: Change, message: str) -> None:
    """F1-6, F3-2, F5-7, among others."""
    body = shop.service("default")
    change(body["spec"])
    with pytest.raises(RequestFailed, match=r"^4\d\d: ") as refused:
        _dry_run(kube, body)
    assert message in str(refused.value)


@pytest.mark.parametrize("change", [row[1] for row in TAKEN], ids=[row[0] for row in TAKEN])
def test_taken(kube: Kube, change: Change) -> None:
    body = shop.service("default")
    change(body["spec"])
    _dry_run(kube, body)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a" * 41, "metadata.name may have at most 40 characters"),
        ("order.v2", "no dots"),
        ("1order", "starting with a letter"),
    ],
)
def test_a_name_whose_children_could_not_be_named_is_refused(kube: Kube, name: str, message: str) -> None:
    with pytest.raises(RequestFailed) as refused:
        _dry_run(kube, shop.service("default", name))
    assert message in str(refused.value)


def test_a_release_cannot_be_changed(kube: Kube) -> None:
    """Invariant 5."""
    body = {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryRelease",
        "metadata": {"generateName": "order-r", "namespace": "default"},
        "spec": {
            "service": "order",
            "number": 1,
            "image": "order:v1",
            "digest": "d",
            "content": {"image": "order:v1"},
            "templates": "t",
            "manifests": "m",
        },
    }
    made = kube.create(body)
    name = made["metadata"]["name"]
    assert made["status"] == {"phase": "Pending"}
    with pytest.raises(RequestFailed, match="a release is immutable; change the DeliveryService"):
        kube.patch("DeliveryRelease", "default", name, {"spec": {"content": {"image": "order:v2"}}})
    kube.delete("DeliveryRelease", "default", name)


def test_two_managers_apply_different_fields_of_one_service(kube: Kube) -> None:
    """Field-ownership friendly: processes, config and bindings are maps with keys."""
    whole = shop.service("default", "two-managers")
    metadata = {key: whole[key] for key in ("apiVersion", "kind", "metadata")}
    _apply(kube, "gitops", copy.deepcopy(whole))
    binding = {"name": "cache", "type": "redis", "secret": "redis", "env": {"REDIS_ADDR": "addr"}}
    _apply(kube, "person", {**metadata, "spec": {"config": {"DEBUG": {"value": "1"}}, "backingServices": [binding]}})
    merged = _apply(kube, "gitops", whole)
    assert {each["name"] for each in merged["spec"]["backingServices"]} == {"db", "cache"}
    assert set(merged["spec"]["config"]) == {"LOG_LEVEL", "DEBUG"}
    kube.delete("DeliveryService", "default", "two-managers")


def test_explain_reads_well(kube: Kube, control_plane: Any) -> None:
    told = control_plane.kubectl("explain", "deliveryservice.spec.processes")
    assert "The formation: process type to what it runs." in " ".join(told.split())
    told = control_plane.kubectl("explain", "deliveryservice.spec.processes.shutdown.drainSeconds")
    assert "Seconds the process may take after SIGTERM" in " ".join(told.split())
    assert kube.host


def _dry_run(kube: Kube, body: Object) -> Object:
    path = "/apis/delivery.dev/v1alpha1/namespaces/default/deliveryservices?dryRun=All&fieldValidation=Strict"
    return kube.request("POST", path, body)


def _apply(kube: Kube, manager: str, body: Object) -> Object:
    path = f"/apis/delivery.dev/v1alpha1/namespaces/default/deliveryservices/{body['metadata']['name']}"
    return kube.request("PATCH", f"{path}?fieldManager={manager}", body, "application/apply-patch+yaml")

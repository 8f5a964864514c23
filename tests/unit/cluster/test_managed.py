"""What is kept of managedFields: enough to explain drift, and nothing for a child that nobody else touched."""

import json
from typing import Any

import pytest

from delivery_operator.cluster import managed
from delivery_operator.cluster.store import pruned

OWNED = {"ownerReferences": [{"uid": "u", "controller": True}]}
FIELDS: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


def entry(manager: str, **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "time": "2026-03-01T12:00:00Z", "fieldsV1": FIELDS, **more}


OTHERS = {"manager": "kubectl-edit", "time": "2026-03-01T12:00:00Z", "fieldsV1": json.dumps(FIELDS).replace(" ", "")}


@pytest.mark.parametrize(
    ("entries", "kept"),
    [
        ([], []),
        ([entry("delivery-operator"), entry("delivery-operator-scale")], []),
        ([entry("kube-controller-manager", subresource="status")], []),
        ([entry("kubectl-edit")], [OTHERS]),
        ([entry("kubectl-edit", subresource="scale")], [OTHERS]),
        ([{"manager": "odd"}], [{"manager": "odd", "time": "", "fieldsV1": "{}"}]),
    ],
    ids=["none", "ours", "status", "another's", "scale", "an empty one"],
)
def test_of_a_child_with_owner_only_others_entries_are_kept(
    entries: list[dict[str, Any]], kept: list[dict[str, str]]
) -> None:
    assert managed.kept({**OWNED, "managedFields": entries}) == kept


def test_what_was_kept_may_be_kept_again() -> None:
    body = {"kind": "Deployment", "metadata": {"name": "a", **OWNED, "managedFields": [entry("kubectl-edit")]}}
    assert pruned(pruned(body)) == pruned(body)


@pytest.mark.parametrize("owners", [{}, {"ownerReferences": [{"uid": "u"}]}])
def test_of_a_child_without_owner_ours_is_kept_too(owners: dict[str, Any]) -> None:
    found = managed.kept({**owners, "managedFields": [entry("delivery-operator"), entry("kubectl-edit")]})
    assert [each["manager"] for each in found] == ["delivery-operator", "kubectl-edit"]


@pytest.mark.parametrize(
    ("kind", "manager", "kept"),
    [
        ("Deployment", "kubectl-edit", True),
        ("Deployment", "delivery-operator", False),
        ("Pod", "kubectl-edit", False),
        ("DeliveryService", "kubectl-edit", False),
    ],
)
def test_the_store_keeps_them_of_children_alone(kind: str, manager: str, *, kept: bool) -> None:
    """Memory per service is budgeted (design, section 5)."""
    body = {"kind": kind, "metadata": {"name": "a", **OWNED, "managedFields": [entry(manager)]}, "spec": {}}
    once = pruned(body)
    assert ("managedFields" in once["metadata"]) == kept

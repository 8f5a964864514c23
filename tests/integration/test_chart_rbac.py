"""The chart grants what the operator's own table of requests says, and nothing else."""

from collections.abc import Iterable

import pytest

from delivery_operator.cluster import hashkey
from delivery_operator.cluster.resources import LEASES, RESOURCES
from tests.support.chart import Manifest, of_kind, only, render

Grant = tuple[str, str, str]  # API group, resource, verb


def grants(rules: Iterable[Manifest]) -> set[Grant]:
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def requests(*, namespaced: bool = True) -> set[Grant]:
    return {
        (resource.group, plural, verb)
        for resource in RESOURCES
        if resource.namespaced is namespaced
        for plural, verbs in (
            (resource.plural, resource.verbs),
            (f"{resource.plural}/status", resource.status_verbs),
        )
        for verb in verbs
    }


def named(manifests: list[Manifest], kind: str, name: str) -> list[Manifest]:
    return [each for each in of_kind(manifests, kind) if each["metadata"]["name"] == name]


def test_cluster_role_is_the_operators_table() -> None:
    (role,) = named(render(), "ClusterRole", "delivery-operator")

    granted, requested = grants(role["rules"]), requests()
    assert sorted(granted - requested) == [], "granted, but the operator never asks for it"
    assert sorted(requested - granted) == [], "the operator asks for it, but it is not granted"
    assert all("resourceNames" not in rule for rule in role["rules"])


@pytest.mark.parametrize("values", [[], ["--set=namespaces={shop}"]], ids=["cluster", "namespaces"])
def test_environments_are_read_wherever_the_operator_works(values: list[str]) -> None:
    (role,) = named(render(*values), "ClusterRole", "delivery-operator-environments")

    assert grants(role["rules"]) == requests(namespaced=False)
    assert named(render(*values), "ClusterRoleBinding", "delivery-operator-environments")


def test_provisioned_services_are_read_by_the_roles_of_those_who_offer_them() -> None:
    """https://servicebinding.io/spec/core/1.1.0/#role-based-access-control-rbac."""
    (role,) = named(render(), "ClusterRole", "delivery-operator-bindings")
    (selector,) = role["aggregationRule"]["clusterRoleSelectors"]

    assert selector == {"matchLabels": {"servicebinding.io/controller": "true"}}
    assert "rules" not in role, "they have another owner"
    narrowed = render("--set=namespaces={shop,billing}")
    assert named(narrowed, "ClusterRoleBinding", "delivery-operator-bindings") == []
    bindings = named(narrowed, "RoleBinding", "delivery-operator-bindings")
    assert {each["metadata"]["namespace"] for each in bindings} == {"shop", "billing"}
    assert {each["roleRef"]["kind"] for each in bindings} == {"ClusterRole"}


def test_cluster_role_is_bound_to_the_operator() -> None:
    manifests = render()
    bindings = of_kind(manifests, "ClusterRoleBinding")

    assert {each["metadata"]["name"]: each["roleRef"]["name"] for each in bindings} == {
        name: name for name in ("delivery-operator", "delivery-operator-environments", "delivery-operator-bindings")
    }
    account = {"kind": "ServiceAccount", "name": "delivery-operator", "namespace": "delivery-system"}
    assert all(each["subjects"] == [account] for each in bindings)
    assert only(manifests, "ServiceAccount")["metadata"]["name"] == "delivery-operator"


def test_named_namespaces_get_the_same_rules_and_the_cluster_none() -> None:
    everywhere, narrowed = render(), render("--set=namespaces={shop,billing}")
    (cluster_role,) = named(everywhere, "ClusterRole", "delivery-operator")

    assert named(narrowed, "ClusterRole", "delivery-operator") == []
    assert named(narrowed, "ClusterRoleBinding", "delivery-operator") == []
    roles = named(narrowed, "Role", "delivery-operator")
    assert [role["metadata"]["namespace"] for role in roles] == ["shop", "billing"]
    assert all(role["rules"] == cluster_role["rules"] for role in roles)
    bindings = named(narrowed, "RoleBinding", "delivery-operator")
    assert [binding["metadata"]["namespace"] for binding in bindings] == ["shop", "billing"]
    assert {binding["subjects"][0]["namespace"] for binding in bindings} == {"delivery-system"}


@pytest.mark.parametrize("values", [[], ["--set=namespaces={shop}"]], ids=["cluster", "namespaces"])
def test_own_namespace_has_the_hash_key_the_leases_and_templates_and_nothing_else(values: list[str]) -> None:
    (role,) = named(render(*values), "Role", "delivery-operator-own")

    assert role["metadata"]["namespace"] == "delivery-system"
    by_name = [rule for rule in role["rules"] if "resourceNames" in rule]
    assert [rule["resourceNames"] for rule in by_name] == [[hashkey.NAME]]
    assert grants(by_name) == {("", "secrets", "get")}
    assert grants(rule for rule in role["rules"] if rule not in by_name) == {
        ("", "secrets", "create"),
        *((LEASES.group, LEASES.plural, verb) for verb in LEASES.verbs),
        *(("", "configmaps", verb) for verb in ("get", "list", "watch")),
    }


def test_people_may_write_services_and_not_releases() -> None:
    manifests = render()
    (view,) = named(manifests, "ClusterRole", "delivery-operator-view")
    (edit,) = named(manifests, "ClusterRole", "delivery-operator-edit")

    assert {verb for _, _, verb in grants(view["rules"])} == {"get", "list", "watch"}
    assert {resource for _, resource, _ in grants(edit["rules"])} == {"deliveryservices", "deliverytasks"}
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    assert {label.removeprefix(prefix) for label in view["metadata"]["labels"] if label.startswith(prefix)} == {
        "view",
        "edit",
        "admin",
    }
    assert f"{prefix}view" not in edit["metadata"]["labels"]


def test_roles_can_be_left_out() -> None:
    manifests = render("--set=rbac.create=false")

    kinds = {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}
    assert not kinds & {manifest["kind"] for manifest in manifests}

"""The table of kinds: paths, and verbs by which least privilege is judged."""

import pytest

from delivery_operator.cluster import resources
from delivery_operator.cluster.resources import Resource
from delivery_operator.engine.children import PRUNED
from delivery_operator.render import bundle
from delivery_operator.render.manifests import render
from tests.unit.support import builders
from tests.unit.support.services import PLATFORMS, SERVICES


@pytest.mark.parametrize(
    ("resource", "arguments", "path"),
    [
        (resources.PODS, (None,), "/api/v1/pods"),
        (resources.PODS, ("shop",), "/api/v1/namespaces/shop/pods"),
        (resources.DEPLOYMENTS, ("shop", "order-web"), "/apis/apps/v1/namespaces/shop/deployments/order-web"),
        (
            resources.SERVICES,
            ("shop", "order", "status"),
            "/apis/delivery.dev/v1alpha1/namespaces/shop/deliveryservices/order/status",
        ),
    ],
)
def test_paths(resource: Resource, arguments: tuple[str | None, ...], path: str) -> None:
    assert resource.path(*arguments) == path


@pytest.mark.parametrize(
    ("resource", "version"), [(resources.PODS, "v1"), (resources.RELEASES, "delivery.dev/v1alpha1")]
)
def test_api_versions(resource: Resource, version: str) -> None:
    assert resource.api_version == version


def test_every_kind_that_templates_make_is_in_the_table_under_its_version() -> None:
    for name, fields in SERVICES.items():
        for manifest in render(name, "shop", builders.parsed(fields), builders.BUNDLE, PLATFORMS[name]):
            assert resources.BY_KIND[manifest["kind"]].api_version == manifest["apiVersion"]
    assert {kind.lower() for kind in resources.BY_KIND} >= set(bundle.NAMES)


def test_what_is_pruned_may_be_deleted_and_nothing_else_of_a_service_may() -> None:
    """Invariant 7; a Job goes with its owner unless it cannot start, and a task when it says so."""
    deletable = {each.kind for each in resources.RESOURCES if "delete" in each.verbs}
    assert deletable == {*PRUNED, "DeliveryRelease", "DeliveryTask", "Job"}


def test_the_users_objects_are_read_only_but_for_status() -> None:
    """Invariant 6."""
    assert resources.SERVICES.verbs == {"get", "list", "watch"}
    assert resources.SERVICES.status_verbs == {"patch"}
    assert not {"update", "deletecollection", "*"} & set().union(*(each.verbs for each in resources.RESOURCES))


def test_of_others_kinds_only_what_carries_our_label_is_watched_whole() -> None:
    """Invariant 8: of Secrets only metadata is watched."""
    assert resources.SECRETS not in resources.STORED
    assert [each.kind for each in resources.STORED if not each.labelled] == [
        "DeliveryService",
        "DeliveryRelease",
        "DeliveryTask",
        "DeliveryEnvironment",
    ]

"""Where the API server knows other projects' kinds."""

from tests.support import shop
from tests.support.site import Site


def test_a_service_comes_up_where_other_projects_kinds_are_served(extended_site: Site) -> None:
    site = extended_site
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")


def test_a_provisioned_service_names_its_secret(extended_site: Site) -> None:
    kube, namespace = extended_site.kube, extended_site.namespace
    kube.create(
        {"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "orders", "namespace": namespace}}
    )
    kube.patch("Database", namespace, "orders", {"status": {"binding": {"name": "orders-app"}}}, "status")
    assert kube.get("Database", namespace, "orders")["status"] == {"binding": {"name": "orders-app"}}

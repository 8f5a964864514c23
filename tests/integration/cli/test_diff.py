"""`diff`: what a file would change, answered by the API server, and nothing is written."""

from pathlib import Path

import pytest
import yaml

from tests.integration.cli.conftest import Delivery
from tests.support import shop
from tests.support.kube import Object
from tests.support.site import Site

TEMPLATES = Path(__file__).parents[3] / "templates"


@pytest.fixture
def served(site: Site) -> Site:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    return site


def versions(site: Site) -> dict[str, str]:
    return {
        each["metadata"]["uid"]: each["metadata"]["resourceVersion"]
        for kind in ("Deployment", "Service", "ConfigMap", "DeliveryService")
        for each in site.kube.list(kind, site.namespace)
    }


def as_file(service: Object) -> str:
    return yaml.safe_dump(service)


def test_the_file_that_was_applied_makes_no_difference(served: Site, delivery: Delivery) -> None:
    ended = delivery("diff", "-", stdin=as_file(shop.service(served.namespace)))
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_each_changed_field_is_named_and_nothing_is_written(served: Site, delivery: Delivery) -> None:
    processes = shop.service(served.namespace)["spec"]["processes"]
    processes["web"]["replicas"] = 4
    processes["mail"] = {"command": ["order", "mail"]}
    del processes["relay"]
    changed = shop.service(served.namespace, image=f"{shop.IMAGE}:v2.0.0", processes=processes)
    before = versions(served)

    ended = delivery("diff", "-", "-o", "json", stdin=as_file(changed))
    assert ended.code == 1
    found = {(each["kind"], each["name"]): each for each in ended.json()}
    assert found["Deployment", "order-mail"]["change"] == "added"
    assert found["Deployment", "order-relay"]["change"] == "removed"
    fields = {each["path"]: (each["before"], each["after"]) for each in found["Deployment", "order-web"]["fields"]}
    assert fields == {
        "spec.replicas": (2, 4),
        "spec.template.spec.containers[order].image": (f"{shop.IMAGE}:v1.0.0", f"{shop.IMAGE}:v2.0.0"),
    }
    assert versions(served) == before

    page = delivery("diff", "-", stdin=as_file(changed)).out
    assert "~ Deployment order-web\n" in page
    assert "    ~ spec.replicas: 2 -> 4\n" in page
    assert "+ Deployment order-mail\n" in page
    assert "- Deployment order-relay\n" in page


@pytest.mark.usefixtures("served")
def test_other_templates_are_compared_with_the_service_as_it_is(delivery: Delivery, tmp_path: Path) -> None:
    assert delivery("diff", "--service", "order").code == 0
    source = (TEMPLATES / "deployment.yaml.j2").read_text()
    (tmp_path / "deployment.yaml.j2").write_text(source.replace("revisionHistoryLimit: 2", "revisionHistoryLimit: 5"))
    ended = delivery("diff", "--service", "order", "--templates", str(tmp_path))
    assert ended.code == 1
    assert ended.out == (
        "~ Deployment order-relay\n    ~ spec.revisionHistoryLimit: 2 -> 5\n"
        "~ Deployment order-web\n    ~ spec.revisionHistoryLimit: 2 -> 5\n"
    )


def test_what_cannot_be_compared_ends_with_more_than_one(served: Site, delivery: Delivery) -> None:
    assert delivery("diff").code == 2
    elsewhere = shop.service(served.namespace, environment="staging")
    ended = delivery("diff", "-", stdin=as_file(elsewhere))
    assert ended.code == 6
    assert "environment staging is not known" in ended.err

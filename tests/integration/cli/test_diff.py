"""`diff`: what a file would change, answered by the API server, and nothing is written."""

from pathlib import Path

import pytest
import yaml

from tests.integration.cli.conftest import Delivery
from tests.support import shop
from tests.support.kube import Object, wait_for
from tests.support.site import Site

TEMPLATES = Path(__file__).parents[3] / "templates"


@pytest.fixture
def served(site: Site) -> Site:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    return site


def written(site: Site) -> dict[str, Object]:
    """What somebody has written, by UID; not the versions, which a controller's word on the status changes too."""

    def of(each: Object) -> Object:
        metadata = {name: each["metadata"].get(name) for name in ("generation", "labels", "ownerReferences")}
        return {**metadata, "spec": each.get("spec"), "data": each.get("data")}

    return {
        each["metadata"]["uid"]: of(each)
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
    before = written(served)

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
    assert written(served) == before

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


def put_templates(site: Site, limit: int) -> None:
    text = (TEMPLATES / "deployment.yaml.j2").read_text()
    data = {"deployment.yaml.j2": text.replace("revisionHistoryLimit: 2", f"revisionHistoryLimit: {limit}")}
    if site.kube.find("ConfigMap", site.namespace, "templates"):
        site.kube.patch("ConfigMap", site.namespace, "templates", {"data": data})
    else:
        metadata = {"name": "templates", "namespace": site.namespace}
        site.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def wait_told(site: Site, upgrade: str) -> None:
    def phase() -> str:
        found = site.kube.get("DeliveryEnvironment", None, site.environment_name).get("status", {})
        return str(found.get("upgrade", {}).get("phase"))

    wait_for(lambda: phase() == upgrade, f"the upgrade {upgrade}", 60, phase)


def test_an_environments_new_templates_are_seen_before_they_roll(
    site: Site, delivery: Delivery, tmp_path: Path
) -> None:
    """What the waves would change, and for nobody who runs with them already."""
    site.start()
    put_templates(site, 2)
    site.environment(
        {
            "templates": {"configMap": "templates"},
            "upgrade": {"mode": "waves"},
            "maintenanceWindow": {"days": ["Mon"], "startTime": "00:00", "endTime": "00:01", "timeZone": "No/Where"},
        }
    )
    site.kube.create(shop.secret(site.namespace))
    scaled = {"command": ["order", "web"], "port": {"number": 8080}, "scaling": {"min": 2, "max": 4, "cpu": 70}}
    processes = {"web": scaled, "relay": {"command": ["order", "relay"], "replicas": 2}}
    body = shop.service(site.namespace, environment=site.environment_name, processes=processes)
    body["spec"]["release"]["progressDeadlineSeconds"] = 300
    site.kube.create(body)
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    wait_told(site, "Done")
    words = ("diff", "--environment", site.environment_name, "--operator-namespace", site.namespace)
    assert (delivery(*words).code, delivery(*words).out) == (0, "")

    put_templates(site, 5)
    wait_told(site, "WaitingForWindow")
    ended = delivery(*words)
    changed = (
        "~ Deployment order-relay\n    ~ spec.revisionHistoryLimit: 2 -> 5\n"
        "~ Deployment order-web\n    ~ spec.revisionHistoryLimit: 2 -> 5\n"
    )
    assert (ended.code, ended.out) == (1, f"{site.namespace}/order\n{changed}")
    (entry,) = delivery(*words, "-o", "json").json()
    assert entry["service"] == f"{site.namespace}/order"
    assert [each["name"] for each in entry["children"]] == ["order-relay", "order-web"]

    (tmp_path / "job.yaml.j2").write_text((TEMPLATES / "job.yaml.j2").read_text() + "\n")
    assert delivery(*words, "--templates", str(tmp_path)).out == (
        f"{site.namespace}/order\n  no child changes; its pods are replaced\n"
    )
    (tmp_path / "deployment.yaml.j2").write_text("{{ nothing }}")
    broken = delivery(*words, "--templates", str(tmp_path), "-o", "json")
    assert (broken.code, "deployment.yaml.j2" in broken.json()[0]["fault"]) == (1, True)
    assert "! cannot be rendered: template" in delivery(*words, "--templates", str(tmp_path)).out


def test_an_environment_or_templates_that_are_not_to_be_found(site: Site, delivery: Delivery) -> None:
    assert delivery("diff", "--environment", "nowhere").code == 4
    assert delivery("diff", "--environment", "production", "--service", "order").code == 2
    site.environment({"templates": {"configMap": "templates"}})
    words = ("diff", "--environment", site.environment_name, "--operator-namespace", site.namespace)
    missing = delivery(*words)
    assert (missing.code, "there is no ConfigMap" in missing.err) == (4, True)
    put_templates(site, 5)
    other = delivery(*words)
    assert (other.code, "the operator has other templates" in other.err) == (6, True)

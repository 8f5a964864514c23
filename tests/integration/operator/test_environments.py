"""DeliveryEnvironments on a real API server: waited for, obeyed with the next release, and their templates checked."""

from pathlib import Path

from delivery_operator.render import bundle
from tests.support import shop
from tests.support.kube import Object, condition, wait_for
from tests.support.site import Site

TEMPLATES = bundle.load()
MARKED = TEMPLATES.sources["deployment"].replace("revisionHistoryLimit: 2", "revisionHistoryLimit: 3")


def a_service(site: Site) -> Object:
    site.kube.create(shop.secret(site.namespace))
    return site.kube.create(
        shop.service(site.namespace, environment=site.environment_name, release={"progressDeadlineSeconds": 600})
    )


def templates(site: Site, deployment: str) -> None:
    metadata = {"name": "templates", "namespace": site.namespace}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"deployment.yaml.j2": deployment}}
    if site.kube.find("ConfigMap", site.namespace, "templates"):
        site.kube.patch("ConfigMap", site.namespace, "templates", {"data": body["data"]})
    else:
        site.kube.create(body)


def wait_environment(site: Site, ready: str) -> Object:
    def look() -> Object | None:
        found = site.kube.find("DeliveryEnvironment", None, site.environment_name)
        return found if condition(found, "Ready").get("status") == ready else None

    return wait_for(
        look,
        f"the environment Ready={ready}",
        40,
        lambda: site.kube.find("DeliveryEnvironment", None, site.environment_name),
    )


def history_limit(site: Site) -> int:
    return int(site.kube.get("Deployment", site.namespace, "order-web")["spec"]["revisionHistoryLimit"])


def test_a_missing_environment_is_waited_for_and_what_runs_stays_when_it_goes(site: Site) -> None:
    """Also where the operator is limited to namespaces: environments belong to none."""
    site.start()
    a_service(site)
    found = shop.wait_reason(site.kube, site.namespace, "EnvironmentMissing")
    assert f"DeliveryEnvironment {site.environment_name} does not exist" in condition(found, "Ready")["message"]
    assert site.kube.list("DeliveryRelease", site.namespace) == []
    site.environment({"tier": "staging", "defaults": {"logLevel": "warning"}})
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    site.kube.delete("DeliveryEnvironment", None, site.environment_name)
    shop.wait_reason(site.kube, site.namespace, "EnvironmentMissing")
    assert len(site.kube.list("Deployment", site.namespace)) == 2


def test_its_changes_take_effect_with_the_next_release_and_make_none(site: Site) -> None:
    site.start(resync_seconds="1")
    site.environment({"releases": {"keep": 1}})
    a_service(site)
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    assert wait_environment(site, "True")["status"]["templates"] == TEMPLATES.digest
    site.wait_told("ReleaseActive")
    before = len(site.writes())
    site.kube.patch("DeliveryEnvironment", None, site.environment_name, {"spec": {"defaults": {"logLevel": "debug"}}})
    wait_for(
        lambda: site.kube.get("DeliveryEnvironment", None, site.environment_name)["status"]["observedGeneration"] == 2,
        "the change to be seen",
    )
    site.wait_for_lists(2)
    assert {event["objectRef"]["resource"] for event in site.writes()[before:]} == {"deliveryenvironments"}
    for number in (2, 3, 4):
        site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.{number}.0"}})
        shop.wait_ready(site.kube, site.namespace, f"order-r{number}", seconds=60)
    wait_for(lambda: len(site.kube.list("DeliveryRelease", site.namespace)) == 2, "older releases gone")
    env = site.kube.get("Deployment", site.namespace, "order-web")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "OTEL_SDK_DISABLED", "value": "true"} in env


def test_templates_of_its_own_are_checked_before_they_are_used(site: Site) -> None:
    """A ConfigMap in the operator's namespace; a broken one stops releases and nothing else."""
    site.start(resync_seconds="60")
    templates(site, MARKED)
    site.environment({"templates": {"configMap": "templates"}})
    a_service(site)
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    assert history_limit(site) == 3
    digest = wait_environment(site, "True")["status"]["templates"]
    assert digest == TEMPLATES.with_overrides({"deployment": MARKED}).digest

    templates(site, MARKED.replace("process.", "prozess."))
    found = wait_environment(site, "False")
    assert "template deployment.yaml.j2, line" in condition(found, "Ready")["message"]
    assert "prozess" in condition(found, "Ready")["message"]
    ready = shop.get(site.kube, site.namespace)
    assert condition(ready, "Ready")["status"] == "True", "what runs is not touched"
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    shop.wait_reason(site.kube, site.namespace, "TemplateInvalid")
    assert len(site.kube.list("DeliveryRelease", site.namespace)) == 1

    templates(site, MARKED.replace("revisionHistoryLimit: 3", "revisionHistoryLimit: 4"))
    shop.wait_ready(site.kube, site.namespace, "order-r2", seconds=60)
    assert history_limit(site) == 4


def test_templates_from_a_folder_and_what_is_wrong_with_one_that_is_not_there(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "sets" / "ours"
    folder.mkdir(parents=True)
    (folder / "deployment.yaml.j2").write_text(MARKED)
    site.start(resync_seconds="1", templates_dir=str(tmp_path / "sets"))
    site.environment({"templates": {"folder": "theirs"}})
    a_service(site)
    message = condition(wait_environment(site, "False"), "Ready")["message"]
    assert "theirs does not exist" in message
    shop.wait_reason(site.kube, site.namespace, "TemplateInvalid")
    site.kube.patch("DeliveryEnvironment", None, site.environment_name, {"spec": {"templates": {"folder": "ours"}}})
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    assert history_limit(site) == 3

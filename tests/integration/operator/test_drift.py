"""What somebody changes in what runs, on a real API server: who did it is known, and what is done is the environment's
to say (OP-5, invariant 7)."""

import threading
from contextlib import suppress

import pytest

from tests.support import shop
from tests.support.kube import Object, RequestFailed, condition, wait_for
from tests.support.site import Site

WEB = ("Deployment", "order-web")


def serve(site: Site, drift: Object) -> Site:
    site.environment({"drift": drift})
    site.start(resync_seconds="1")
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace, environment=site.environment_name))
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    return site


def mode(site: Site, **drift: object) -> None:
    site.kube.patch("DeliveryEnvironment", None, site.environment_name, {"spec": {"drift": drift}})


def change(site: Site, patch: Object, manager: str = "kubectl-edit", *, which: tuple[str, str] = WEB) -> Object:
    """Change a child as another field manager."""
    path = {"Deployment": "apis/apps/v1", "Service": "api/v1", "NetworkPolicy": "apis/networking.k8s.io/v1"}[which[0]]
    plural = {"Deployment": "deployments", "Service": "services", "NetworkPolicy": "networkpolicies"}[which[0]]
    url = f"/{path}/namespaces/{site.namespace}/{plural}/{which[1]}?fieldManager={manager}"
    return site.kube.request("PATCH", url, patch, "application/strategic-merge-patch+json")


def web(site: Site) -> Object:
    return site.kube.get("Deployment", site.namespace, "order-web")


def said(site: Site) -> Object:
    return condition(shop.get(site.kube, site.namespace), "InSync")


def repaired(site: Site) -> list[Object]:
    return [each for run in site.runs for each in run.events(lambda event: event["message"] == "drift repaired")]


def test_what_was_set_back_is_told_with_field_manager_and_time(site: Site) -> None:
    serve(site, {})
    changed = change(site, {"spec": {"replicas": 5}}, "kubectl-scale")
    wait_for(lambda: web(site)["spec"]["replicas"] == 2, "two replicas again")
    (event,) = wait_for(lambda: repaired(site), "the repair to be told")
    (at,) = {each["time"] for each in changed["metadata"]["managedFields"] if each["manager"] == "kubectl-scale"}
    assert event["changes"] == [{"field": "spec.replicas", "manager": "kubectl-scale", "at": at}]
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    assert said(site) == {}
    message = "Deployment order-web: spec.replicas was changed by kubectl-scale, and is set back"
    wait_for(lambda: message in [each["note"] for each in drift_events(site)], "the Event")


def drift_events(site: Site) -> list[Object]:
    path = f"/apis/events.k8s.io/v1/namespaces/{site.namespace}/events"
    return [each for each in site.kube.request("GET", path)["items"] if each["reason"] == "DriftRepaired"]


def test_a_release_without_its_label_and_owner_gets_them_back_and_nothing_is_released(site: Site) -> None:
    serve(site, {})
    kind = "DeliveryRelease"
    before = site.kube.get(kind, site.namespace, "order-r1")["metadata"]
    for taken in ({"labels": None}, {"ownerReferences": None}, {"labels": None, "ownerReferences": None}):
        site.kube.patch(kind, site.namespace, "order-r1", {"metadata": taken})
        wait_for(lambda: _whole(site, before), "label and owner to be back")
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    site.wait_for_lists(2)
    assert [each["metadata"]["name"] for each in site.kube.list(kind, site.namespace)] == ["order-r1"]
    wait_for(lambda: any(each["note"].startswith(kind) for each in drift_events(site)), "the Event")


def _whole(site: Site, before: Object) -> bool:
    now = site.kube.get("DeliveryRelease", site.namespace, "order-r1")["metadata"]
    return all(now.get(each) == before[each] for each in ("labels", "ownerReferences"))


def test_what_is_left_is_told_and_stays_until_the_environment_says_otherwise(site: Site) -> None:
    serve(site, {"mode": "repair", "kinds": {"NetworkPolicy": "warn"}})
    change(site, {"spec": {"egress": [{}]}}, which=("NetworkPolicy", "order-service"))
    found = wait_for(lambda: said(site), "the change to be told")
    assert (found["status"], found["reason"]) == ("False", "Drifted")
    assert "NetworkPolicy order-service: spec.egress was changed by kubectl-edit" in found["message"]
    (entry,) = shop.get(site.kube, site.namespace)["status"]["drift"]
    assert entry["manager"] == "kubectl-edit"
    site.wait_told("Drifted")
    before = len(site.writes())
    site.wait_for_lists(3)
    assert len(site.writes()) == before, "it is told once"
    assert site.kube.get("NetworkPolicy", site.namespace, "order-service")["spec"]["egress"] == [{}]

    mode(site, kinds={"NetworkPolicy": "repair"})
    wait_for(lambda: said(site) == {}, "nothing more to tell")
    assert site.kube.get("NetworkPolicy", site.namespace, "order-service")["spec"]["egress"] != [{}]


def test_what_is_off_is_neither_told_nor_set_back_and_a_release_is_written_all_the_same(site: Site) -> None:
    serve(site, {"mode": "off"})
    change(site, {"spec": {"replicas": 5, "progressDeadlineSeconds": 99}})
    before = len(site.writes())
    site.wait_for_lists(2)
    assert {each["objectRef"]["resource"] for each in site.writes()[before:]} <= {"deliveryservices", "events"}
    assert said(site) == {}
    assert web(site)["spec"]["replicas"] == 5
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    shop.wait_ready(site.kube, site.namespace, "order-r2", seconds=60)
    assert web(site)["spec"]["replicas"] == 2


@pytest.mark.parametrize("drift", ["repair", "warn"])
def test_what_others_add_stays(site: Site, drift: str) -> None:
    serve(site, {"mode": drift})
    added: Object = {
        "metadata": {"labels": {"team": "shop"}, "annotations": {"backup/skip": "true"}},
        "spec": {
            "minReadySeconds": 1,
            "template": {
                "metadata": {"annotations": {"mesh/injected": "true"}},
                "spec": {
                    "containers": [{"name": "proxy", "image": "mesh:1"}],
                    "initContainers": [{"name": "wait", "image": "mesh:1"}],
                    "volumes": [{"name": "certificates", "emptyDir": {}}],
                },
            },
        },
    }
    change(site, added, "mesh")
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    shop.wait_ready(site.kube, site.namespace, "order-r2", seconds=90)
    kept = web(site)
    pod = kept["spec"]["template"]["spec"]
    assert {each["name"] for each in pod["containers"]} == {"order", "proxy"}
    assert [each["name"] for each in pod["initContainers"]] == ["wait"]
    assert "certificates" in {each["name"] for each in pod["volumes"]}
    assert kept["spec"]["minReadySeconds"] == 1
    assert kept["spec"]["template"]["metadata"]["annotations"]["mesh/injected"] == "true"
    assert kept["metadata"]["labels"]["team"] == "shop"
    assert kept["metadata"]["annotations"]["backup/skip"] == "true"
    assert said(site) == {}
    assert repaired(site) == []


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"ownerReferences": None}, id="no owner"),
        pytest.param({"labels": {"delivery.dev/service": None}}, id="no label"),
        pytest.param({"labels": {"delivery.dev/service": "another"}}, id="another service's label"),
        pytest.param({"labels": {"app": "x", "tier": None}, "annotations": None}, id="labels, and no seal"),
        pytest.param({"ownerReferences": None, "labels": None, "annotations": None}, id="all of it"),
    ],
)
def test_owner_labels_and_seal_come_back(site: Site, metadata: Object) -> None:
    """What lacks our label is in no watch, and what lacks our owner would outlive its service."""
    serve(site, {})
    before = web(site)["metadata"]
    site.kube.patch("Deployment", site.namespace, "order-web", {"metadata": metadata})

    def back() -> bool:
        now = web(site)["metadata"]
        return (
            all(now["labels"].get(name) == value for name, value in before["labels"].items())
            and now["ownerReferences"][0]["uid"] == before["ownerReferences"][0]["uid"]
            and (now["annotations"]["delivery.dev/manifest"] == before["annotations"]["delivery.dev/manifest"])
        )

    def looks() -> bool:
        with suppress(KeyError):
            return back()
        return False

    wait_for(looks, "everything to be back")
    found = shop.wait_ready(site.kube, site.namespace, "order-r1")
    assert web(site)["metadata"]["uid"] == before["uid"], "the same object"
    assert found["status"]["number"] == 1


def test_two_writers_of_one_field_do_not_fight_at_full_speed(site: Site) -> None:
    serve(site, {})
    stop = threading.Event()

    def fight() -> None:
        while not stop.wait(0.2):
            with suppress(RequestFailed):
                change(site, {"spec": {"replicas": 5}}, "scaler")

    before = len(applied(site))
    other = threading.Thread(target=fight)
    other.start()
    try:
        found = wait_for(lambda: said(site), "the fight to be told", 60)
        assert found["reason"] == "Contested"
        assert "Deployment order-web: spec.replicas was changed by scaler" in found["message"]
        site.wait_for_lists(4)
        assert len(applied(site)) - before <= 4, "three at once, and then with pauses"
        failed = [
            each for run in site.runs for each in run.events(lambda event: event["message"] == "reconcile failed")
        ]
        assert failed == []
    finally:
        stop.set()
        other.join()
    wait_for(lambda: web(site)["spec"]["replicas"] == 2, "the last word", 60)


def applied(site: Site) -> list[Object]:
    return [event for event in site.writes() if event["objectRef"].get("name") == "order-web"]


def test_a_name_of_another_services_child_is_reported_and_left_alone(site: Site) -> None:
    """Services order and order-web: a process `x` of the second has the name of a process `web-x` of the first."""
    serve(site, {})
    run = {"command": ["x"]}
    site.kube.create(shop.service(site.namespace, "order-web", processes={"x": run}, release={}))
    shop.wait_ready(site.kube, site.namespace, "order-web-r1", "order-web", seconds=60)
    taken = site.kube.get("Deployment", site.namespace, "order-web-x")
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"processes": {"web-x": run}}})
    shop.wait_reason(site.kube, site.namespace, "NameTaken")
    left = site.kube.get("Deployment", site.namespace, "order-web-x")
    assert left["spec"] == taken["spec"]
    for field in ("uid", "generation", "labels", "annotations", "ownerReferences"):
        assert left["metadata"].get(field) == taken["metadata"].get(field), field

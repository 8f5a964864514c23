"""One DeliveryService through its life, against a real API server and the real controllers."""

import json
from functools import partial

import pytest

from tests.support import shop
from tests.support.kube import Object, condition, wait_for
from tests.support.kubelet import Exits, Hangs, Runs, Waits, usual
from tests.support.site import Site


def test_first_release_is_migrated_and_rolled_out(site: Site) -> None:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    ready = shop.wait_ready(site.kube, site.namespace, "order-r1")

    release = site.kube.get("DeliveryRelease", site.namespace, "order-r1")
    assert release["status"]["phase"] == "Active"
    assert release["status"]["migration"]["result"] == "Succeeded"
    assert release["status"]["migration"]["schemaHead"] == "0001"
    assert {each["metadata"]["name"] for each in site.kube.list("Deployment", site.namespace)} == {
        "order-web",
        "order-relay",
    }
    assert {each["metadata"]["name"] for each in site.kube.list("Service", site.namespace)} == {"order-service"}
    assert {each["metadata"]["name"] for each in site.kube.list("PodDisruptionBudget", site.namespace)} == {"order-web"}
    assert ready["status"]["formation"] == "relay=1 web=2"
    assert {each["type"]: each["status"] for each in ready["status"]["conditions"]} == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
        "ConfigReady": "True",
        "MigrationSucceeded": "True",
    }


def test_the_users_object_is_never_touched_but_for_its_status(site: Site) -> None:
    """Invariant 6: no annotation, no label, no finalizer, no spec."""
    site.start()
    site.kube.create(shop.secret(site.namespace))
    created = site.kube.create(shop.service(site.namespace))
    ready = shop.wait_ready(site.kube, site.namespace, "order-r1")
    assert ready["spec"] == created["spec"]
    assert ready["metadata"]["generation"] == 1
    for name in ("labels", "annotations", "finalizers"):
        assert name not in ready["metadata"]


def test_nothing_is_written_when_nothing_changes_and_none_by_a_restart(site: Site) -> None:
    """Invariant 2. The resync runs four times in the quiet time."""
    operator = site.start(resync_seconds="1")
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    site.wait_told("ReleaseActive")
    before = len(site.writes())
    assert before > 0
    site.wait_for_lists(5)
    operator.stop()
    site.start(resync_seconds="1")
    site.wait_for_lists(5)
    assert [_said(event) for event in site.writes()[before:]] == []


def _said(event: dict[str, object]) -> str:
    return f"{event['verb']} {event['requestURI']}"


def test_a_new_image_migrates_before_any_new_pod_starts_and_old_pods_serve_meanwhile(site: Site) -> None:
    """Invariants 3 and 4; F12-6."""
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")

    site.kubelet.fate = lambda pod: Hangs() if "job-name" in pod["metadata"]["labels"] else Runs()
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    wait_for(lambda: site.kubelet.started_of("job-name", "order-r2-migrate"), "the migration of r2")
    waiting = shop.wait_reason(site.kube, site.namespace, "Migrating")
    assert "release order-r1 serves" in condition(waiting, "Ready")["message"]
    assert not site.kubelet.started_of("delivery.dev/release", "2")[1:], "only the migration itself bears the number 2"
    web = site.kube.get("Deployment", site.namespace, "order-web")
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == f"{shop.IMAGE}:v1.0.0"
    assert web["status"]["availableReplicas"] == 2

    site.kubelet.fate = usual
    shop.wait_ready(site.kube, site.namespace, "order-r2")
    first = site.kube.get("DeliveryRelease", site.namespace, "order-r1")
    assert first["status"]["phase"] == "Superseded"


def test_a_missing_secret_is_named_and_heals_within_seconds(site: Site) -> None:
    """F3-9."""
    site.start()
    site.kube.create(shop.service(site.namespace))
    found = shop.wait_reason(site.kube, site.namespace, "SecretMissing")
    assert condition(found, "ConfigReady")["status"] == "False"
    assert "Secret db does not exist (needed for DATABASE_URL)" in condition(found, "ConfigReady")["message"]
    without_url = shop.secret(site.namespace)
    url = without_url["data"].pop("url")
    site.kube.create(without_url)
    found = shop.wait_reason(site.kube, site.namespace, "SecretKeyMissing")
    assert "Secret db has no key url (needed for DATABASE_URL)" in condition(found, "ConfigReady")["message"]
    assert site.kube.list("DeliveryRelease", site.namespace) == []
    site.kube.patch("Secret", site.namespace, "db", {"data": {"url": url}})
    wait_for(
        lambda: condition(shop.get(site.kube, site.namespace), "ConfigReady").get("status") == "True", "the key", 10
    )
    shop.wait_ready(site.kube, site.namespace, "order-r1")


def test_a_lost_secret_leaves_the_running_release_untouched(site: Site) -> None:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    before = _templates(site)
    site.kube.delete("Secret", site.namespace, "db")
    shop.wait_reason(site.kube, site.namespace, "SecretMissing")
    assert _templates(site) == before
    assert [each["metadata"]["name"] for each in site.kube.list("DeliveryRelease", site.namespace)] == ["order-r1"]
    site.kube.create(shop.secret(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")


def test_a_changed_secret_makes_a_release_and_an_unreferenced_key_does_not(site: Site) -> None:
    """F3-11, invariant 8."""
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    site.kube.patch("Secret", site.namespace, "db", {"stringData": {"note": "nobody asks for this"}})
    site.kube.patch("Secret", site.namespace, "db", {"stringData": {"url": "postgresql://order:another-one@db/order"}})
    shop.wait_ready(site.kube, site.namespace, "order-r2")
    assert len(site.kube.list("DeliveryRelease", site.namespace)) == 2


def test_a_failed_migration_says_why_starts_nothing_and_the_old_release_serves(site: Site) -> None:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    before = _templates(site)
    output = f'psycopg: password "{shop.PASSWORD}" refused\nalembic: cannot add column orders.note'
    site.kubelet.fate = lambda pod: Exits(3, output) if "job-name" in pod["metadata"]["labels"] else Runs()
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    found = shop.wait_reason(site.kube, site.namespace, "MigrationFailed")
    for kind in ("Ready", "MigrationSucceeded"):
        message = condition(found, kind)["message"]
        assert "exit code 3" in message
        assert "cannot add column orders.note" in message
    assert "release order-r1 serves" in condition(found, "Ready")["message"]
    assert condition(found, "Stalled")["status"] == "True"
    release = site.kube.get("DeliveryRelease", site.namespace, "order-r2")
    assert release["status"]["phase"] == "Failed"
    assert release["status"]["migration"]["exitCode"] == 3
    assert shop.PASSWORD not in json.dumps([found, release])
    assert _templates(site) == before

    site.kubelet.fate = usual
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.1"}})
    shop.wait_ready(site.kube, site.namespace, "order-r3")


def test_an_image_that_cannot_be_pulled_is_told_with_the_pods_reason(site: Site) -> None:
    site.start(resync_seconds="1")
    site.kube.create(shop.secret(site.namespace))
    site.kubelet.fate = lambda pod: (
        usual(pod)
        if "job-name" in pod["metadata"]["labels"]
        else Waits("ErrImagePull", "manifest for registry.example.com/shop/order:v1.0.0 not found")
    )
    site.kube.create(shop.service(site.namespace))
    found = shop.wait_reason(site.kube, site.namespace, "ImagePullFailed")
    assert "manifest for registry.example.com/shop/order:v1.0.0 not found" in condition(found, "Ready")["message"]
    wait_for(lambda: _troubled(site) == {"order-web", "order-relay"}, "both to be told", 30, lambda: _troubled(site))
    site.wait_told("ImagePullFailed")
    site.wait_for_lists(2)
    written = len(site.writes())
    site.kubelet.fate = lambda pod: (
        usual(pod)
        if "job-name" in pod["metadata"]["labels"]
        else Waits(
            "ImagePullBackOff",
            'Back-off pulling image "x": ErrImagePull: manifest for registry.example.com/shop/order:v1.0.0 not found',
        )
    )
    wait_for(
        lambda: all(
            _waits_for(each) == "ImagePullBackOff"
            for each in site.kube.list("Pod", site.namespace, "delivery.dev/process")
        ),
        "the back-off",
    )
    site.wait_for_lists(2)
    assert len(site.writes()) == written


def test_a_wrong_image_does_not_hold_up_its_correction(site: Site) -> None:
    """The migration of the wrong one cannot start, and has a timeout of ten minutes."""
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kubelet.fate = lambda pod: (
        Waits("ErrImagePull", "not found") if pod["spec"]["containers"][0]["image"].endswith(":v9.9.9") else usual(pod)
    )
    site.kube.create(shop.service(site.namespace, image=f"{shop.IMAGE}:v9.9.9"))
    shop.wait_reason(site.kube, site.namespace, "ImagePullFailed")
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.0.0"}})
    shop.wait_ready(site.kube, site.namespace, "order-r2")
    wrong = site.kube.get("DeliveryRelease", site.namespace, "order-r1")
    assert wrong["status"]["phase"] == "Superseded"
    assert site.kube.find("Job", site.namespace, "order-r1-migrate") is None


def test_a_crash_loop_past_its_deadline_is_rolled_back(site: Site) -> None:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace, release={"migrate": {"command": ["order", "migrate"]}}))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    site.edit(release={"progressDeadlineSeconds": 10})
    site.kubelet.fate = lambda pod: (
        Exits(1, "KeyError: 'CARRIER'")
        if pod["metadata"]["labels"].get("delivery.dev/process") == "web"
        and pod["metadata"]["labels"]["delivery.dev/release"] == "2"
        else usual(pod)
    )
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    found = shop.wait_reason(site.kube, site.namespace, "CrashLoop")
    assert "KeyError: 'CARRIER'" in condition(found, "Ready")["message"]
    found = shop.wait_reason(site.kube, site.namespace, "RolloutFailed", seconds=40)
    assert "KeyError: 'CARRIER'" in condition(found, "Ready")["message"]
    assert "release order-r1 serves" in condition(found, "Ready")["message"]
    wait_for(lambda: _images(site) == {f"{shop.IMAGE}:v1.0.0"}, "the old manifests back")


def test_scaling_makes_no_release(site: Site) -> None:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"processes": {"web": {"replicas": 1}}}})
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    wait_for(lambda: site.kube.get("Deployment", site.namespace, "order-web")["spec"]["replicas"] == 1, "one replica")
    wait_for(lambda: not site.kube.list("PodDisruptionBudget", site.namespace), "no budget for one pod")
    assert len(site.kube.list("DeliveryRelease", site.namespace)) == 1


def test_a_dropped_process_is_pruned_and_other_peoples_objects_are_not(site: Site) -> None:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    labels = {"delivery.dev/service": "order"}
    foreign = {"name": "somebody-elses", "namespace": site.namespace, "labels": labels}
    site.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": foreign, "data": {}})
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"processes": {"relay": None}}})
    shop.wait_ready(site.kube, site.namespace, "order-r2")
    wait_for(lambda: site.kube.find("Deployment", site.namespace, "order-relay") is None, "the worker gone")
    assert site.kube.find("ConfigMap", site.namespace, "somebody-elses") is not None


def test_drift_of_owned_fields_is_repaired_and_foreign_fields_stay(site: Site) -> None:
    """OP-5, invariant 7."""
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    site.kube.patch("Service", site.namespace, "order-service", {"spec": {"selector": {"tier": "nobody"}}})
    site.kube.patch("Deployment", site.namespace, "order-web", {"metadata": {"annotations": {"example.com/note": "x"}}})
    site.kube.delete("Deployment", site.namespace, "order-relay")
    wait_for(
        lambda: site.kube.get("Service", site.namespace, "order-service")["spec"]["selector"]["tier"] == "web",
        "the selector back",
    )
    wait_for(lambda: site.kube.find("Deployment", site.namespace, "order-relay"), "the worker back")
    web = site.kube.get("Deployment", site.namespace, "order-web")
    assert web["metadata"]["annotations"]["example.com/note"] == "x"


def test_an_object_of_our_name_that_is_not_ours_is_left_alone_and_told(site: Site) -> None:
    metadata = {"name": "order-service", "namespace": site.namespace}
    spec = {"ports": [{"port": 1}], "selector": {"app": "legacy"}}
    site.kube.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    site.start(resync_seconds="1")
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    found = shop.wait_reason(site.kube, site.namespace, "NameTaken")
    assert "Service order-service" in condition(found, "Ready")["message"]
    legacy = site.kube.get("Service", site.namespace, "order-service")
    assert legacy["spec"]["selector"] == {"app": "legacy"}
    assert "ownerReferences" not in legacy["metadata"]
    site.kube.delete("Service", site.namespace, "order-service")
    shop.wait_ready(site.kube, site.namespace, "order-r1")


def test_deletion_needs_no_operator(site: Site) -> None:
    """Invariant 6: owner references do it."""
    operator = site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    assert operator.stop() == 0
    site.kube.delete("DeliveryService", site.namespace, "order")
    for kind in ("Deployment", "Service", "DeliveryRelease", "Job", "PodDisruptionBudget", "Pod"):
        wait_for(partial(_none_left, site, kind), f"no {kind} left", 60)


def _none_left(site: Site, kind: str) -> bool:
    return not site.kube.list(kind, site.namespace)


@pytest.mark.timeout(240)
def test_a_service_made_again_under_its_old_name_starts_afresh(site: Site) -> None:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    old = shop.get(site.kube, site.namespace)["metadata"]["uid"]
    site.kube.delete("DeliveryService", site.namespace, "order")
    site.kube.create(shop.service(site.namespace))
    # While objects of the old one have its names it is tried again, with pauses that double.
    ready = shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=120)
    assert ready["metadata"]["uid"] != old
    release = site.kube.get("DeliveryRelease", site.namespace, "order-r1")
    assert release["metadata"]["ownerReferences"][0]["uid"] == ready["metadata"]["uid"]


def _troubled(site: Site) -> set[str]:
    """The Deployments that status.problems names."""
    problems = shop.get(site.kube, site.namespace)["status"].get("problems") or ()
    return {each["object"]["name"] for each in problems if each["object"]["kind"] == "Deployment"}


def _waits_for(pod: Object) -> str | None:
    """The reason for which a pod's container waits; None when it does not, or nothing is reported of it yet."""
    reports = pod["status"].get("containerStatuses") or [{}]
    reason: str | None = reports[0].get("state", {}).get("waiting", {}).get("reason")
    return reason


def _templates(site: Site) -> dict[str, object]:
    return {each["metadata"]["name"]: each["spec"]["template"] for each in site.kube.list("Deployment", site.namespace)}


def _images(site: Site) -> set[str]:
    return {
        each["spec"]["template"]["spec"]["containers"][0]["image"]
        for each in site.kube.list("Deployment", site.namespace)
    }

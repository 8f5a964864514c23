"""Releases in trouble on a real API server: evicted pods, rollouts that cannot succeed, specs that change midway."""

from collections.abc import Callable

import pytest

from tests.support import shop
from tests.support.kube import Object, condition, wait_for
from tests.support.kubelet import Evicted, Fate, Hangs, Waits, usual
from tests.support.site import Site

NEXT, LAST = f"{shop.IMAGE}:v1.1.0", f"{shop.IMAGE}:v1.2.0"


@pytest.fixture
def serving(site: Site) -> Site:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    return site


def phase(site: Site, number: int) -> str:
    found = site.kube.find("DeliveryRelease", site.namespace, f"order-r{number}")
    return str((found or {}).get("status", {}).get("phase"))


def stuck_with(image: str, fate: Fate, *, job: bool = False) -> Callable[[Object], Fate]:
    """The pods of one image, of its migration or of its processes, meet this fate."""

    def of(pod: Object) -> Fate:
        hit = pod["spec"]["containers"][0]["image"] == image and ("job-name" in pod["metadata"]["labels"]) is job
        return fate if hit else usual(pod)

    return of


def test_an_evicted_migration_has_its_next_pod_when_the_last_one_has_ended(site: Site) -> None:
    """Within backoffLimit; and never beside the last one."""
    site.kubelet.fate = lambda pod: Hangs() if "job-name" in pod["metadata"]["labels"] else usual(pod)
    site.start()
    site.kube.create(shop.secret(site.namespace))
    migrate = {"command": ["order", "migrate"], "backoffLimit": 1}
    site.kube.create(shop.service(site.namespace, release={"migrate": migrate}))
    wait_for(lambda: site.kubelet.started_of("job-name", "order-r1-migrate"), "the migration", 30)
    job = site.kube.get("Job", site.namespace, "order-r1-migrate")
    assert job["spec"]["podReplacementPolicy"] == "Failed"
    (first,) = site.kubelet.started_of("job-name", "order-r1-migrate")
    mine = first["metadata"]["uid"]
    evicted = Evicted("the node was low on memory")
    site.kubelet.fate = lambda pod: evicted if pod["metadata"]["uid"] == mine else usual(pod)
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=90)
    assert len(site.kubelet.started_of("job-name", "order-r1-migrate")) == 2
    result = site.kube.get("DeliveryRelease", site.namespace, "order-r1")["status"]["migration"]
    assert (result["result"], result["uid"]) == ("Succeeded", job["metadata"]["uid"])


def test_a_rollout_that_cannot_succeed_is_given_up_long_before_its_deadline(serving: Site) -> None:
    serving.kubelet.fate = stuck_with(NEXT, Waits("InvalidImageName", "couldn't parse image reference"))
    serving.edit(image=NEXT)
    found = shop.wait_reason(serving.kube, serving.namespace, "RolloutFailed", seconds=60)
    assert "waiting does not help" in condition(found, "Ready")["message"]
    assert found["status"]["activeRelease"] == "order-r1"
    assert phase(serving, 2) == "Failed"


def test_a_newer_spec_overtakes_a_rollout_and_the_old_one_may_come_back(serving: Site) -> None:
    serving.kubelet.fate = stuck_with(NEXT, Hangs())
    serving.edit(image=NEXT)
    wait_for(lambda: phase(serving, 2) == "RollingOut", "release 2 to roll out", 60)
    serving.edit(image=LAST)
    shop.wait_ready(serving.kube, serving.namespace, "order-r3", seconds=60)
    assert phase(serving, 2) == "Superseded"
    serving.edit(image=NEXT)
    wait_for(lambda: phase(serving, 4) == "RollingOut", "release 4 to roll out", 60)
    serving.edit(image=LAST)
    shop.wait_ready(serving.kube, serving.namespace, "order-r5", seconds=60)
    assert (phase(serving, 3), phase(serving, 4)) == ("Superseded", "Superseded")
    assert serving.kube.list("Pod", serving.namespace, "delivery.dev/release=2,delivery.dev/process") == []


def test_a_newer_spec_waits_for_a_migration_and_then_overtakes_its_release(serving: Site) -> None:
    serving.kubelet.fate = stuck_with(NEXT, Hangs(), job=True)
    serving.edit(image=NEXT)
    wait_for(lambda: serving.kubelet.started_of("job-name", "order-r2-migrate"), "the migration", 60)
    serving.edit(image=LAST)
    shop.wait_reason(serving.kube, serving.namespace, "MigrationOfOlderRelease")
    assert serving.kubelet.started_of("job-name", "order-r3-migrate") == []
    serving.kubelet.fate = usual
    shop.wait_ready(serving.kube, serving.namespace, "order-r3", seconds=60)
    older = serving.kube.get("DeliveryRelease", serving.namespace, "order-r2")["status"]
    assert (older["phase"], older["migration"]["result"]) == ("Superseded", "Succeeded")
    pods = [pod for pod in serving.kubelet.started.values() if pod["metadata"]["labels"].get("delivery.dev/process")]
    assert NEXT not in {pod["spec"]["containers"][0]["image"] for pod in pods}, "it started no process"


def test_a_migration_that_gets_no_pod_is_told_and_gives_way_to_the_release_that_mends_it(site: Site) -> None:
    """Its Job's controller tells only in Events that a quota is used up."""
    site.start()
    quota = {"metadata": {"name": "full", "namespace": site.namespace}, "spec": {"hard": {"pods": "0"}}}
    site.kube.create({"apiVersion": "v1", "kind": "ResourceQuota", **quota})
    wait_for(lambda: site.kube.get("ResourceQuota", site.namespace, "full").get("status", {}).get("used"), "the quota")
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    found = shop.wait_reason(site.kube, site.namespace, "PodsRefused", seconds=90)
    message = condition(found, "Ready")["message"]
    assert f"has no pod; kubectl describe job order-r1-migrate -n {site.namespace} tells why" in message
    site.edit(image=NEXT)
    wait_for(lambda: site.kube.find("Job", site.namespace, "order-r1-migrate") is None, "its Job to give way")
    site.kube.delete("ResourceQuota", site.namespace, "full")
    shop.wait_ready(site.kube, site.namespace, "order-r2")
    assert phase(site, 1) == "Superseded"
    assert site.kubelet.started_of("job-name", "order-r1-migrate") == []

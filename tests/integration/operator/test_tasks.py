"""DeliveryTasks on a real API server (F12-1, F12-2)."""

import pytest

from tests.support import shop
from tests.support.kube import Object, wait_for
from tests.support.kubelet import Exits, usual
from tests.support.site import Site

SEED = {"seed": {"command": ["order", "seed"], "timeoutSeconds": 60}}


def task(site: Site, name: str = "seed-1", **spec: object) -> Object:
    return site.kube.create(
        {
            "apiVersion": "delivery.dev/v1alpha1",
            "kind": "DeliveryTask",
            "metadata": {"name": name, "namespace": site.namespace},
            "spec": {"service": "order", **(spec or {"task": "seed"})},
        }
    )


def wait_status(site: Site, name: str = "seed-1", **fields: object) -> Object:
    def look() -> Object | None:
        found = site.kube.find("DeliveryTask", site.namespace, name)
        status = (found or {}).get("status") or {}
        return status if all(status.get(key) == value for key, value in fields.items()) else None

    return wait_for(look, f"task {name}: {fields}", 40, lambda: site.kube.find("DeliveryTask", site.namespace, name))


@pytest.fixture
def serving(site: Site) -> Site:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace, tasks=SEED))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    return site


def test_a_task_runs_once_and_its_result_is_kept(serving: Site) -> None:
    serving.kubelet.fate = lambda pod: (
        Exits(0, f"{shop.PASSWORD} 10 orders") if "job-name" in pod["metadata"]["labels"] else usual(pod)
    )
    task(serving)
    status = wait_status(serving, phase="Succeeded")
    assert (status["release"], status["exitCode"]) == ("order-r1", 0)
    assert status["output"] == "*** 10 orders"
    assert status["startedAt"] <= status["finishedAt"]
    assert len(serving.kubelet.started_of("job-name", "seed-1")) == 1


def test_a_task_before_its_service_waits_for_it(site: Site) -> None:
    site.start()
    task(site)
    wait_status(site, phase="Pending", reason="ServiceMissing")
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace, tasks=SEED))
    wait_status(site, phase="Succeeded")


def test_a_failed_task_says_why_and_an_unknown_one_which_there_are(serving: Site) -> None:
    serving.kubelet.fate = lambda pod: Exits(3, "boom") if "job-name" in pod["metadata"]["labels"] else usual(pod)
    task(serving)
    status = wait_status(serving, phase="Failed")
    assert (status["reason"], status["exitCode"], status["output"]) == ("TaskFailed", 3, "boom")
    task(serving, "feed-1", task="feed")
    assert "(there are: seed)" in wait_status(serving, "feed-1", reason="TaskUnknown")["message"]


def test_a_finished_task_goes_in_its_time(serving: Site) -> None:
    task(serving, task="seed", ttlSecondsAfterFinished=1)
    wait_for(lambda: serving.kube.find("DeliveryTask", serving.namespace, "seed-1") is None, "the task gone", 40)
    wait_for(lambda: serving.kube.find("Job", serving.namespace, "seed-1") is None, "its Job gone", 40)
    assert len(serving.kubelet.started_of("job-name", "seed-1")) == 1


def test_a_refused_job_is_told_in_the_task_and_the_service_goes_on(serving: Site) -> None:
    used = len(serving.kube.list("Job", serving.namespace))
    quota = {"count/jobs.batch": str(used)}
    metadata = {"name": "jobs", "namespace": serving.namespace}
    serving.kube.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": quota}})
    wait_for(
        lambda: serving.kube.get("ResourceQuota", serving.namespace, "jobs").get("status", {}).get("hard"), "the quota"
    )
    task(serving)
    assert "exceeded quota: jobs" in wait_status(serving, phase="Pending", reason="JobRefused")["message"]
    ready = shop.wait_ready(serving.kube, serving.namespace, "order-r1")
    assert {each["type"]: each["status"] for each in ready["status"]["conditions"]}["Stalled"] == "False"
    serving.kube.delete("ResourceQuota", serving.namespace, "jobs")
    wait_status(serving, phase="Succeeded")

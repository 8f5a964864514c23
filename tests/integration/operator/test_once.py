"""Invariant 3 on a real API server: killed around the moment in which a Job is put on record, it never runs twice."""

from collections.abc import Callable

import pytest

from tests.support import shop
from tests.support.kube import Object, condition, wait_for
from tests.support.kubelet import Hangs
from tests.support.site import Site

JOB = "order-r1-migrate"


@pytest.fixture
def killed_at(site: Site) -> Callable[[str, str], Object]:
    """Kill the operator when a request has been carried out and before it gets the answer; gives the Job as it is."""

    def kill(method: str, path: str) -> Object:
        with site.proxied() as (proxy, kubeconfig), proxy.held(method, path) as reached:
            operator = site.start(kubeconfig)
            site.kube.create(shop.secret(site.namespace))
            site.kube.create(shop.service(site.namespace))
            assert reached.wait(30), operator.log()
            operator.kill()
        return site.kube.get("Job", site.namespace, JOB)

    return kill


def phase(site: Site) -> str:
    return str(site.kube.get("DeliveryRelease", site.namespace, "order-r1")["status"]["phase"])


def test_a_job_that_is_not_on_record_waits_and_its_time_does_not_run(
    site: Site, killed_at: Callable[[str, str], Object]
) -> None:
    """Its deadline, release.migrate.timeoutSeconds, counts from the moment it is resumed."""
    killed_at("POST", "/jobs")
    held = wait_for(
        lambda: job if condition(job := site.kube.get("Job", site.namespace, JOB), "Suspended").get("status") else None,
        "the Job to be seen by its controller",
    )
    assert condition(held, "Suspended")["status"] == "True"
    assert "startTime" not in held["status"]
    assert phase(site) == "Pending"
    site.start()
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    assert site.kube.get("Job", site.namespace, JOB)["status"]["startTime"]
    assert len(site.kubelet.started_of("job-name", JOB)) == 1


def test_deleted_by_hand_before_it_is_on_record_it_runs_once(
    site: Site, killed_at: Callable[[str, str], Object]
) -> None:
    first = killed_at("POST", "/jobs")
    site.kube.delete("Job", site.namespace, JOB)
    wait_for(lambda: site.kube.find("Job", site.namespace, JOB) is None, "the Job to go")
    site.start()
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    assert site.kube.get("Job", site.namespace, JOB)["metadata"]["uid"] != first["metadata"]["uid"]
    assert len(site.kubelet.started_of("job-name", JOB)) == 1


def test_deleted_by_hand_after_it_is_on_record_it_is_lost_and_not_run(
    site: Site, killed_at: Callable[[str, str], Object]
) -> None:
    job = killed_at("PATCH", "/deliveryreleases/order-r1/status")
    assert phase(site) == "Migrating"
    assert job["spec"]["suspend"] is True
    site.kube.delete("Job", site.namespace, JOB)
    wait_for(lambda: site.kube.find("Job", site.namespace, JOB) is None, "the Job to go")
    site.start()
    shop.wait_reason(site.kube, site.namespace, "MigrationLost")
    assert site.kubelet.started_of("job-name", JOB) == []


def test_a_job_that_is_on_record_is_resumed_by_the_next_operator(
    site: Site, killed_at: Callable[[str, str], Object]
) -> None:
    job = killed_at("PATCH", "/deliveryreleases/order-r1/status")
    assert job["spec"]["suspend"] is True
    site.start()
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    assert site.kube.get("Job", site.namespace, JOB)["metadata"]["uid"] == job["metadata"]["uid"]
    assert len(site.kubelet.started_of("job-name", JOB)) == 1


def test_a_migration_that_somebody_suspends_is_told_and_left_to_them(site: Site) -> None:
    site.kubelet.fate = lambda _: Hangs()
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    wait_for(lambda: site.kubelet.started_of("job-name", JOB), "the migration", 30)
    site.kube.patch("Job", site.namespace, JOB, {"spec": {"suspend": True}})
    found = shop.wait_reason(site.kube, site.namespace, "MigrationSuspended")
    assert condition(found, "Stalled")["status"] == "True"
    assert site.kube.get("Job", site.namespace, JOB)["spec"]["suspend"] is True

"""Invariant 3 on a real API server: two services that share a database migrate one after the other."""

import pytest

from tests.support import shop
from tests.support.kube import Object, condition, wait_for
from tests.support.kubelet import Exits, Fate, Hangs, Stops, usual
from tests.support.site import Site

PAYMENT = "payment"
TOO_LONG = 600.0


def leases(site: Site) -> list[Object]:
    return site.kube.list("Lease", site.namespace, "delivery.dev/service")


def hangs(pod: Object) -> Fate:
    return Hangs() if pod["metadata"]["labels"].get("delivery.dev/role") == "migrate" else usual(pod)


def ending(site: Site, job: str) -> bool:
    """Whether a pod of this Job has been asked to end, and is still there."""
    pods = site.kube.list("Pod", site.namespace, f"job-name={job}")
    return any(each["metadata"].get("deletionTimestamp") for each in pods)


@pytest.fixture
def migrating(site: Site) -> Site:
    """Service order migrates; service payment is bound to the same database as another user, in other words."""
    site.kubelet.fate = hangs
    site.start()
    site.kube.create(shop.secret(site.namespace))
    entries = {"host": "postgresql", "port": "5432", "database": "order", "username": "pay", "password": "another-one"}
    url = f"postgres://pay:another-one@postgresql.{site.namespace}.svc.cluster.local:5432/order?sslmode=require"
    site.kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": PAYMENT, "namespace": site.namespace},
            "stringData": {**entries, "url": url},
        }
    )
    site.kube.create(shop.service(site.namespace))
    wait_for(lambda: site.kubelet.started_of("job-name", "order-r1-migrate"), "the migration of order", 30)
    binding = {"name": "db", "type": "postgresql", "secret": PAYMENT, "env": {"DATABASE_URL": "url"}}
    site.kube.create(shop.service(site.namespace, PAYMENT, backingServices=[binding]))
    return site


def test_the_second_waits_and_says_for_whom_and_goes_on_by_itself(migrating: Site) -> None:
    found = shop.wait_reason(migrating.kube, migrating.namespace, "WaitingForDatabase", PAYMENT)
    assert "release 1 of service order" in condition(found, "Ready")["message"]
    (lease,) = leases(migrating)
    assert lease["spec"]["holderIdentity"] == f"{migrating.namespace}/order-r1"
    for word in ("postgresql", "another-one", shop.PASSWORD):
        assert word not in str(lease), "nothing of the Secret is in it (invariant 8)"
    assert migrating.kubelet.started_of("job-name", "payment-r1-migrate") == []
    migrating.kubelet.fate = usual
    shop.wait_ready(migrating.kube, migrating.namespace, "order-r1")
    shop.wait_ready(migrating.kube, migrating.namespace, "payment-r1", PAYMENT)
    assert leases(migrating) == []
    assert len(migrating.kubelet.started_of("job-name", "payment-r1-migrate")) == 1


def test_the_lease_outlives_the_operator_and_goes_with_a_failure(migrating: Site) -> None:
    shop.wait_reason(migrating.kube, migrating.namespace, "WaitingForDatabase", PAYMENT)
    (before,) = leases(migrating)
    for run in list(migrating.runs):
        run.kill()
    migrating.start(resync_seconds="1")
    migrating.wait_for_lists(2)
    (after,) = leases(migrating)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert migrating.kubelet.started_of("job-name", "payment-r1-migrate") == []
    migrating.kubelet.fate = lambda pod: (
        Exits(3, "no") if pod["metadata"]["labels"].get("job-name") == "order-r1-migrate" else usual(pod)
    )
    shop.wait_ready(migrating.kube, migrating.namespace, "payment-r1", PAYMENT)
    shop.wait_reason(migrating.kube, migrating.namespace, "MigrationFailed")
    assert leases(migrating) == []


def test_a_service_that_is_deleted_while_it_migrates_gives_way(migrating: Site) -> None:
    """And not before the last pod of its Job has gone."""
    shop.wait_reason(migrating.kube, migrating.namespace, "WaitingForDatabase", PAYMENT)
    migrating.kubelet.end = lambda _: Stops(TOO_LONG)
    migrating.kube.delete("DeliveryService", migrating.namespace, "order")
    wait_for(lambda: ending(migrating, "order-r1-migrate"), "the pod of its Job to be asked to end")
    # A change that makes no release shows that the operator has looked at payment since.
    migrating.kube.patch(
        "DeliveryService", migrating.namespace, PAYMENT, {"spec": {"processes": {"relay": {"replicas": 2}}}}
    )
    wait_for(
        lambda: shop.get(migrating.kube, migrating.namespace, PAYMENT)["status"]["observedGeneration"] == 2,
        "the change to be seen",
    )
    shop.wait_reason(migrating.kube, migrating.namespace, "WaitingForDatabase", PAYMENT)
    assert ending(migrating, "order-r1-migrate"), "it has not ended meanwhile"
    assert migrating.kubelet.started_of("job-name", "payment-r1-migrate") == []
    migrating.kubelet.fate = usual
    migrating.kubelet.end = lambda _: Stops()
    shop.wait_ready(migrating.kube, migrating.namespace, "payment-r1", PAYMENT)
    assert leases(migrating) == []

"""A changed Secret on a real API server: exactly its users roll, pods with the old value are named until none is left,
and only then it is safe to revoke it."""

import statistics
import sys
import time
from functools import partial
from typing import Any

import pytest

from tests.support import shop
from tests.support.kube import Object, wait_for
from tests.support.kubelet import Exits, Fate, Hangs, usual
from tests.support.site import Site

ROTATIONS = 10


@pytest.fixture
def serving(site: Site) -> Site:
    site.start(resync_seconds="1")
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace, release={}))
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    return site


def rotate(site: Site, password: str, **data: str) -> None:
    url = f"postgresql://order:{password}@postgresql/order"
    site.kube.patch("Secret", site.namespace, "db", {"stringData": {"url": url, "password": password, **data}})


def told(site: Site, name: str = "order") -> Object:
    """What is told of the one rotated Secret, or nothing."""
    entries = shop.get(site.kube, site.namespace, name)["status"].get("rotation") or [{}]
    (entry,) = entries
    found: Object = entry
    return found


def safe(site: Site, name: str = "order") -> bool:
    return bool(told(site, name).get("safeToRevoke"))


def pods(site: Site, release: int) -> list[str]:
    selector = f"delivery.dev/process,delivery.dev/release={release}"
    return sorted(each["metadata"]["name"] for each in site.kube.list("Pod", site.namespace, selector))


def slow(release: int) -> Any:
    """Pods of a release start and do not become ready."""

    def fate(pod: Object) -> Fate:
        return Hangs() if pod["metadata"]["labels"].get("delivery.dev/release") == str(release) else usual(pod)

    return fate


def test_pods_with_the_old_value_are_named_until_none_is_left(serving: Site) -> None:
    old = pods(serving, 1)
    assert len(old) == 3
    serving.kubelet.fate = slow(2)
    rotate(serving, "another-password")
    found = wait_for(lambda: told(serving), "the rotation to be told")
    assert (found["secret"], found["release"], found["pods"]) == ("db", "order-r2", old)
    assert not found["safeToRevoke"]
    serving.kubelet.fate = usual
    wait_for(partial(safe, serving), "it to be safe", 60)
    assert pods(serving, 1) == []
    assert "pods" not in told(serving)
    shop.wait_ready(serving.kube, serving.namespace, "order-r2")
    serving.wait_told("ReleaseActive", "order-r2")
    serving.wait_told("SafeToRevoke")
    before = len(serving.writes())
    serving.wait_for_lists(3)
    assert [each["objectRef"] for each in serving.writes()[before:]] == [], "it is told once"

    serving.kube.patch("DeliveryService", serving.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    shop.wait_ready(serving.kube, serving.namespace, "order-r3", seconds=60)
    assert told(serving) == {}


def test_a_restart_in_the_middle_changes_nothing_of_it(serving: Site) -> None:
    serving.kubelet.fate = slow(2)
    rotate(serving, "another-password")
    before = wait_for(lambda: told(serving), "the rotation to be told")
    serving.runs[-1].kill()
    serving.start(resync_seconds="1")
    serving.wait_for_lists(2)
    assert told(serving) == before
    serving.kubelet.fate = usual
    wait_for(partial(safe, serving), "it to be safe", 60)


def test_a_credential_that_does_not_work_is_never_safe_until_it_is_mended(serving: Site) -> None:
    serving.kubelet.fate = lambda pod: (
        Exits(1, "password authentication failed")
        if pod["metadata"]["labels"].get("delivery.dev/release") == "2" and "job-name" not in pod["metadata"]["labels"]
        else usual(pod)
    )
    serving.edit(release={"progressDeadlineSeconds": 10})
    rotate(serving, "wrong-password")
    shop.wait_reason(serving.kube, serving.namespace, "RolloutFailed", seconds=90)
    found = told(serving)
    assert not found["safeToRevoke"]
    assert "keep the old credential valid" in found["message"]
    assert len(pods(serving, 1)) == 3, "what served serves"
    rotate(serving, "right-password")
    shop.wait_ready(serving.kube, serving.namespace, "order-r3", seconds=90)
    wait_for(partial(safe, serving), "it to be safe", 60)
    assert pods(serving, 1) == pods(serving, 2) == []


def test_exactly_the_users_of_what_changed_roll(serving: Site) -> None:
    """Two services, one Secret: each cuts its own release. A key that nobody refers to changes nothing."""
    plain = {"release": {}, "processes": {"web": {"command": ["run"]}}}
    serving.kube.create(shop.service(serving.namespace, "payment", **plain))
    serving.kube.create(shop.service(serving.namespace, "static", **plain, backingServices=[]))
    for name in ("payment", "static"):
        shop.wait_ready(serving.kube, serving.namespace, f"{name}-r1", name, seconds=60)
    rotate(serving, shop.PASSWORD, unreferenced="changed")
    serving.kube.create(shop.secret(serving.namespace, "of-nobody"))
    serving.wait_for_lists(2)
    assert {each["spec"]["number"] for each in serving.kube.list("DeliveryRelease", serving.namespace)} == {1}

    rotate(serving, "another-password")
    for name in ("order", "payment"):
        shop.wait_ready(serving.kube, serving.namespace, f"{name}-r2", name, seconds=60)
        assert serving.kube.get("DeliveryRelease", serving.namespace, f"{name}-r2")["spec"]["reason"] == "SecretRotated"
        wait_for(partial(safe, serving, name), f"{name} to be safe", 60)
    serving.wait_for_lists(2)
    assert shop.get(serving.kube, serving.namespace, "static")["status"]["release"] == "static-r1"
    assert told(serving, "static") == {}


def test_the_time_from_a_secret_to_its_release(serving: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """The figure is for people; `make bench` holds the budget where the machine has nothing else to do."""
    seconds = []
    for number in range(2, 2 + ROTATIONS):
        began = time.monotonic()
        rotate(serving, f"password-{number}")
        wait_for(partial(serving.kube.find, "DeliveryRelease", serving.namespace, f"order-r{number}"), "the release")
        seconds.append(time.monotonic() - began)
    shop.wait_ready(serving.kube, serving.namespace, f"order-r{1 + ROTATIONS}", seconds=90)
    with capsys.disabled():
        sys.stdout.write(
            f"\nSecret to release, {ROTATIONS} rotations: median {statistics.median(seconds):.2f} s, "
            f"slowest {max(seconds):.2f} s\n"
        )

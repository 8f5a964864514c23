"""The operator's clock jumps forth and back, as after a suspended machine or a wrong time server.

Only waiting and telling depend on the time; what is done depends on what there is (design: the clock is an argument).
"""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support import shop
from tests.support.kube import Object, condition, wait_for
from tests.support.kubelet import Exits, Fate, Hangs, Runs
from tests.support.site import Site

DAY = 86400
HOURS = 6 * 3600
"""Less than the Jobs of a migration are kept: the end of that time is the one thing that a clock alone brings about."""


class Clock:
    """What the operator's process takes for the time of day; its monotonic clock goes on as the machine's."""

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Processes that are started from now on go by it."""
        self._file = file
        self.jump(0)
        found = find_spec("libfaketime")
        assert found is not None
        assert found.origin is not None
        library = Path(found.origin).parent / "vendor/libfaketime/src/libfaketime.so.1"
        monkeypatch.setenv("LD_PRELOAD", str(library))
        monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(file))
        monkeypatch.setenv("FAKETIME_CACHE_DURATION", "1")  # seconds after which the file is read again
        monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")

    def jump(self, seconds: int) -> None:
        """Let it be this much ahead of the true time; negative: behind."""
        self._file.write_text(f"{seconds:+d}")


def test_a_clock_that_jumps_both_ways_in_the_middle_of_a_release(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(tmp_path / "clock", monkeypatch)
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    with site.proxied() as (_, through_proxy):  # plain HTTP: yesterday the test's certificates were not valid yet
        operator = site.start(through_proxy, resync_seconds="2")
        shop.wait_ready(site.kube, site.namespace, "order-r1")
        site.kubelet.fate = _migration_hangs
        site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
        shop.wait_reason(site.kube, site.namespace, "Migrating")
        for jump in (DAY, -DAY):
            clock.jump(jump)
            site.wait_for_lists(2)
            assert condition(shop.get(site.kube, site.namespace), "Ready")["reason"] == "Migrating", jump
        site.kubelet.fate = _all_well
        shop.wait_ready(site.kube, site.namespace, "order-r2")
        started = [pod["metadata"]["labels"]["job-name"] for pod in site.kubelet.started.values() if _of_job(pod)]
        assert sorted(started) == ["order-r1-migrate", "order-r2-migrate"]
        assert operator.running()


@pytest.mark.parametrize("jump", [HOURS, -HOURS])
def test_a_clock_that_jumps_writes_nothing_to_a_healthy_service(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    """Invariant 2."""
    clock = Clock(tmp_path / "clock", monkeypatch)
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    with site.proxied() as (proxy, through_proxy):
        site.start(through_proxy, resync_seconds="2")
        shop.wait_ready(site.kube, site.namespace, "order-r1")
        site.wait_for_lists(2)
        proxy.begin(None)
        clock.jump(jump)
        site.wait_for_lists(3)
        assert proxy.writes == []
        wait_for(lambda: condition(shop.get(site.kube, site.namespace), "Ready").get("status") == "True", "Ready", 5)


def _of_job(pod: Object) -> bool:
    return "job-name" in pod["metadata"]["labels"]


def _migration_hangs(pod: Object) -> Fate:
    return Hangs() if _of_job(pod) else Runs()


def _all_well(pod: Object) -> Fate:
    return Exits(0, '{"schemaHead": "0001"}') if _of_job(pod) else Runs()

"""Probes and metrics (OP-12)."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from delivery_operator.cluster.reach import Reach
from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.server import application
from delivery_operator.runtime.vitals import DEAF_AFTER_SECONDS, Vitals


class Scene:
    """The server with what it tells of."""

    def __init__(self) -> None:
        self.now = 0.0
        self.vitals = Vitals(lambda: self.now, Reach((None,)))
        self.metrics = Metrics()
        self.client = TestClient(TestServer(application(self.vitals, self.metrics)))


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    async with scene.client:
        yield scene


async def test_it_lives_until_a_watch_is_deaf(scene: Scene) -> None:
    answer = await scene.client.get("/livez")
    assert (answer.status, await answer.json()) == (200, {"alive": True})
    scene.vitals.expect({"kind": "Pod", "metadata": {"resourceVersion": "5"}})
    scene.now = DEAF_AFTER_SECONDS + 1
    answer = await scene.client.get("/livez")
    assert answer.status == 503
    assert "the watch of Pod is deaf" in (await answer.json())["reason"]


async def test_it_is_ready_when_it_has_seen_everything_once(scene: Scene) -> None:
    answer = await scene.client.get("/readyz")
    assert answer.status == 503
    assert "first LIST" in (await answer.json())["reason"]
    scene.vitals.synced = True
    assert (await scene.client.get("/readyz")).status == 200


async def test_metrics_are_scraped(scene: Scene) -> None:
    scene.metrics.writes.labels("apply", "Deployment").inc()
    answer = await scene.client.get("/metrics")
    assert answer.content_type == "text/plain"
    text = await answer.text()
    assert 'delivery_operator_writes_total{kind="Deployment",verb="apply"} 1.0' in text
    assert "process_resident_memory_bytes" in text


def test_two_operators_in_one_process_count_apart() -> None:
    """A registry of its own: nothing is registered twice."""
    first, second = Metrics(), Metrics()
    first.releases.labels("cut").inc()
    assert second.registry.get_sample_value("delivery_operator_releases_total", {"outcome": "cut"}) is None

"""Provisioned services (https://servicebinding.io): whose Secret is bound, and why there is none yet."""

import asyncio
from typing import Any

import pytest

from delivery_operator.api.binding import BackingService
from delivery_operator.cluster import bindings as module
from delivery_operator.cluster.bindings import Bindings
from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.errors import Refused, Unavailable
from tests.unit.support.api import FakeApi

PLACE = "/apis/example.com/v1/namespaces/shop/databases/orders"
DB = BackingService.model_validate(
    {
        "name": "db",
        "type": "postgresql",
        "provisionedService": {"apiVersion": "example.com/v1", "kind": "Database", "name": "orders"},
        "env": {"DATABASE_URL": "url"},
    }
)
PLAIN = BackingService.model_validate({"name": "mq", "type": "kafka", "secret": "kafka", "files": True})


class Scene:
    """Bindings with their API server."""

    def __init__(self) -> None:
        self.now = 0.0
        self.api = FakeApi()
        self.api.paths["/apis/example.com/v1"] = {"resources": [{"kind": "Database", "name": "databases"}]}
        self.bindings = Bindings(self.api, Discovery(self.api), clock=lambda: self.now)

    def says(self, **body: Any) -> None:
        self.api.paths[PLACE] = body

    async def problem(self) -> str:
        found = await self.bindings.resolve("shop", [DB, PLAIN])
        assert found.secrets == {}
        return found.problems["db"]


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_the_secret_is_found_and_asked_for_once_until_it_is_forgotten(scene: Scene) -> None:
    scene.says(status={"binding": {"name": "orders-app"}})
    for _ in range(2):
        found = await scene.bindings.resolve("shop", [DB, PLAIN])
        assert (found.secrets, found.problems) == ({"db": "orders-app"}, {})
    assert scene.api.requests.count(f"read {PLACE}") == 1
    scene.says(status={"binding": {"name": "orders-app-2"}})
    scene.bindings.forget()
    assert (await scene.bindings.resolve("shop", [DB])).secrets == {"db": "orders-app-2"}


@pytest.mark.parametrize(
    "body",
    [{}, {"status": None}, {"status": {}}, {"status": {"binding": {}}}, {"status": {"binding": {"name": ""}}}],
)
async def test_an_object_that_names_no_secret_yet(scene: Scene, body: dict[str, Any]) -> None:
    scene.says(**body)
    assert await scene.problem() == (
        "Database orders does not name its Secret in status.binding.name yet (needed for db)"
    )
    scene.says(status={"binding": {"name": "orders-app"}})
    assert (await scene.bindings.resolve("shop", [DB])).secrets == {"db": "orders-app"}, "it is asked for again"


async def test_an_object_that_is_not_there(scene: Scene) -> None:
    assert await scene.problem() == "Database orders does not exist (needed for db)"


async def test_a_kind_that_is_not_served(scene: Scene) -> None:
    scene.api.paths.clear()
    assert "the cluster does not serve example.com/v1; check apiVersion and kind" in await scene.problem()


async def test_a_kind_that_the_operator_may_not_read(scene: Scene) -> None:
    await scene.problem()
    scene.api.read_failures.append(Refused("GET", "forbidden", code=403))
    assert "the label servicebinding.io/controller" in await scene.problem()


async def test_a_kind_of_the_core(scene: Scene) -> None:
    scene.api.paths["/api/v1"] = {"resources": [{"kind": "Thing", "name": "things"}]}
    scene.api.paths["/api/v1/namespaces/shop/things/orders"] = {"status": {"binding": {"name": "found"}}}
    core = {"apiVersion": "v1", "kind": "Thing", "name": "orders"}
    service = DB.model_copy(update={"provisioned_service": DB.provisioned_service.model_validate(core)})  # type: ignore[union-attr]
    assert (await scene.bindings.resolve("shop", [service])).secrets == {"db": "found"}


async def test_an_api_that_stopped_answering_has_not_taken_back_what_it_said(scene: Scene) -> None:
    """Invariant 10: a conversion webhook of others that is down does not stop the services that are bound already."""
    scene.says(status={"binding": {"name": "orders-app"}})
    await scene.bindings.resolve("shop", [DB])
    for _ in range(3):
        scene.bindings.forget()
        scene.api.read_failures.append(Unavailable("GET", "conversion webhook failed", code=500))
        assert (await scene.bindings.resolve("shop", [DB])).secrets == {"db": "orders-app"}
    scene.bindings.forget()
    scene.says(status={"binding": {"name": "orders-app-2"}})
    assert (await scene.bindings.resolve("shop", [DB])).secrets == {"db": "orders-app-2"}


async def test_what_nobody_asks_for_any_more_is_not_kept(scene: Scene) -> None:
    scene.says(status={"binding": {"name": "orders-app"}})
    await scene.bindings.resolve("shop", [DB])
    scene.bindings.forget()
    scene.bindings.forget()
    scene.api.read_failures.append(Unavailable("GET", "timeout"))
    with pytest.raises(Unavailable):
        await scene.bindings.resolve("shop", [DB])


async def test_an_api_that_goes_on_not_answering_is_told_and_left_alone_for_a_while(scene: Scene) -> None:
    """In words that do not change with each try; and no worker waits for it again and again."""
    scene.says(status={"binding": {"name": "orders-app"}})
    scene.api.read_failures.append(Unavailable("GET", "conversion webhook: dial tcp 10.0.0.7:443", code=500))
    found = await scene.bindings.resolve("shop", [DB], patient=False)
    assert found.problems["db"] == (
        "Database orders cannot be read: its API does not answer, and kubectl get tells why (needed for db)"
    )
    asked = len(scene.api.requests)
    assert await scene.bindings.resolve("shop", [DB]) == found
    scene.bindings.forget()
    assert await scene.bindings.resolve("shop", [DB]) == found
    assert len(scene.api.requests) == asked
    scene.now += 61
    assert (await scene.bindings.resolve("shop", [DB])).secrets == {"db": "orders-app"}
    scene.bindings.forget()
    assert (await scene.bindings.resolve("shop", [DB])).secrets == {"db": "orders-app"}


async def test_an_api_that_hangs_is_not_waited_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(_: str) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(scene.api, "read", hangs)
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.01)
    with pytest.raises(Unavailable, match="no answer in time"):
        await scene.bindings.resolve("shop", [DB])
    assert (await scene.bindings.resolve("shop", [DB], patient=False)).problems


async def test_an_api_that_has_never_answered_is_no_answer(scene: Scene) -> None:
    """A new leader asks of every service at once, and the API server may put some off: no status is to flap with it."""
    scene.says(status={"binding": {"name": "orders-app"}})
    scene.api.read_failures.append(Unavailable("GET", "try again", code=429))
    with pytest.raises(Unavailable):
        await scene.problem()

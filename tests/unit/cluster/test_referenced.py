"""Secrets and ConfigMaps: read when needed and after each change, hashed with a key, never shown (invariant 8)."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from delivery_operator.api.release import ReferenceKind
from delivery_operator.cluster import referenced as module
from delivery_operator.cluster.errors import Forbidden, Gone, Unavailable
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.referenced import Referenced, blanked
from delivery_operator.cluster.store import ServiceKey
from tests.unit.support.api import FakeApi

ORDER, PAYMENT = ("shop", "order"), ("shop", "payment")
DB = (ReferenceKind.SECRET, "db")
FLAGS = (ReferenceKind.CONFIG_MAP, "flags")


def secret(name: str = "db", **values: str) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": "shop"}, "data": data}


def config_map(name: str = "flags", **values: str) -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": values}


class Scene:
    """References with their API server, and which services were told of a change."""

    def __init__(self, key: bytes = b"k" * 32) -> None:
        self.api = FakeApi()
        self.changed: list[ServiceKey] = []
        self.told = asyncio.Event()
        self.referenced = Referenced(self.api, key, Reach((None,)), "system", self.tell)

    def tell(self, service: ServiceKey) -> None:
        self.changed.append(service)
        self.told.set()

    async def hashes(self, *references: tuple[ReferenceKind, str], service: ServiceKey = ORDER) -> Any:
        found, _ = await self.referenced.resolve(service, references)
        return found

    def reads(self) -> list[str]:
        return [each for each in self.api.requests if each.startswith("get")]


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
async def watching(scene: Scene) -> AsyncIterator[Scene]:
    task = asyncio.create_task(scene.referenced.watch())
    await scene.referenced.synced()
    yield scene
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_each_key_has_a_hash_that_is_not_its_value(scene: Scene) -> None:
    scene.api.put(secret(url="postgres://db", user="order"))
    found = await scene.hashes(DB)
    assert set(found[DB]) == {"url", "user"}
    assert len(set(found[DB].values())) == 2
    assert "postgres" not in str(found)


async def test_a_hash_depends_on_the_key_and_the_value_alone() -> None:
    """Without the operator's key nobody can try out values."""
    scenes = [Scene(), Scene(), Scene(key=b"x" * 32)]
    for scene in scenes:
        scene.api.put(secret(url="postgres://db"))
    first, second, other = [(await scene.hashes(DB))[DB]["url"] for scene in scenes]
    assert first == second != other


async def test_a_config_map_has_text_and_bytes(scene: Scene) -> None:
    scene.api.put({**config_map(a="1"), "binaryData": {"b": base64.b64encode(b"\xff").decode()}})
    assert set((await scene.hashes(FLAGS))[FLAGS]) == {"a", "b"}


async def test_an_object_without_data_has_no_keys(scene: Scene) -> None:
    scene.api.put({**secret(), "data": None})
    assert await scene.hashes(DB) == {DB: {}}


async def test_what_does_not_exist_is_absent(scene: Scene) -> None:
    assert await scene.hashes(DB, FLAGS) == {}


async def test_content_is_read_once_and_shared(scene: Scene) -> None:
    """A reconcile that changes nothing reads nothing (invariant 2)."""
    scene.api.put(secret(url="1"))
    for service in (ORDER, PAYMENT, ORDER):
        await scene.hashes(DB, service=service)
    assert len(scene.reads()) == 1


async def test_a_change_is_told_to_its_users_and_read_again(watching: Scene) -> None:
    watching.api.put(secret(url="1"))
    before = await watching.hashes(DB)
    await watching.hashes(FLAGS, service=PAYMENT)
    changed = watching.api.put(secret(url="2"))
    watching.api.events.put_nowait(("MODIFIED", changed["metadata"]))
    await watching.told.wait()
    assert watching.changed == [ORDER]
    assert await watching.hashes(DB) != before


async def test_a_deletion_is_told_and_seen(watching: Scene) -> None:
    kept = watching.api.put(secret(url="1"))
    await watching.hashes(DB)
    watching.api.drop("Secret", "shop", "db")
    gone = {**kept["metadata"], "resourceVersion": str(watching.api.version)}
    watching.api.events.put_nowait(("DELETED", gone))
    await watching.told.wait()
    assert await watching.hashes(DB) == {}


async def test_a_secret_that_comes_is_told_to_who_waits_for_it(watching: Scene) -> None:
    assert await watching.hashes(DB) == {}
    made = watching.api.put(secret(url="1"))
    watching.api.events.put_nowait(("ADDED", made["metadata"]))
    await watching.told.wait()
    assert set(await watching.hashes(DB)) == {DB}


async def test_what_nobody_uses_and_what_is_known_is_not_told(watching: Scene) -> None:
    known = watching.api.put(secret(url="1"))
    await watching.hashes(DB)
    stranger = watching.api.put(secret("other", a="1"))
    watching.api.events.put_nowait(("ADDED", stranger["metadata"]))
    watching.api.events.put_nowait(("BOOKMARK", {"resourceVersion": "500"}))
    watching.api.events.put_nowait(("ADDED", known["metadata"]))
    marker = watching.api.put(secret(url="2"))
    watching.api.events.put_nowait(("MODIFIED", marker["metadata"]))
    await watching.told.wait()
    assert watching.changed == [ORDER], "once, for the change that was news"


async def test_a_change_while_it_is_read_is_not_lost(watching: Scene) -> None:
    """The answer under way is of before the change; it must not be kept as what holds now."""
    watching.api.put(secret(url="1"))
    changes = [watching.api.put(secret(url="2"))]
    watching.api.put(secret(url="1"))  # what the first read answers with, at a version in between
    watching.api.objects["Secret", "shop", "db"]["metadata"]["resourceVersion"] = "1"

    def meanwhile() -> None:
        if changes:
            change = changes.pop()
            watching.api.objects["Secret", "shop", "db"] = change
            version = int(change["metadata"]["resourceVersion"])
            watching.referenced._touch((ReferenceKind.SECRET, "shop", "db"), version)  # noqa: SLF001 the event, at this very moment

    watching.api.before_answer = meanwhile
    raced = await watching.hashes(DB)
    calm = Scene()
    calm.api.put(secret(url="2"))
    assert raced == await calm.hashes(DB)
    assert len(watching.reads()) == 2


async def test_a_service_that_is_forgotten_is_told_nothing_and_keeps_nothing(watching: Scene) -> None:
    watching.api.put(secret(url="1"))
    await watching.hashes(DB)
    await watching.hashes(DB, service=PAYMENT)
    watching.referenced.forget(ORDER)
    watching.api.events.put_nowait(("MODIFIED", watching.api.put(secret(url="2"))["metadata"]))
    await watching.told.wait()
    assert watching.changed == [PAYMENT]
    watching.referenced.forget(PAYMENT)
    reads = len(watching.reads())
    await watching.hashes(DB)
    assert len(watching.reads()) == reads + 1, "the content of what nobody used was dropped"


async def test_a_reference_that_is_given_up_is_forgotten(scene: Scene) -> None:
    scene.api.put(secret(url="1"))
    scene.api.put(config_map(a="1"))
    await scene.hashes(DB, FLAGS)
    await scene.hashes(FLAGS)
    await scene.hashes(DB, FLAGS)
    assert scene.reads() == ["get Secret db", "get ConfigMap flags", "get Secret db"]


async def test_a_relist_finds_what_the_watch_did_not_tell(scene: Scene) -> None:
    """A deaf watch costs one resync period at most."""
    scene.api.put(secret(url="1"))
    scene.api.put(config_map(a="1"))
    await scene.hashes(DB)
    await scene.hashes(FLAGS, service=PAYMENT)
    await scene.referenced.relist()
    assert scene.changed == [], "nothing changed"
    scene.api.put(secret(url="2"))
    scene.api.drop("ConfigMap", "shop", "flags")
    await scene.referenced.relist()
    assert scene.changed == [ORDER, PAYMENT]
    assert await scene.hashes(FLAGS, service=PAYMENT) == {}


async def test_a_relist_of_one_namespace_says_nothing_of_others() -> None:
    scene = Scene()
    scene.referenced = Referenced(scene.api, b"k" * 32, Reach(("other",)), "system", scene.changed.append)
    scene.api.put(secret(url="1"))
    await scene.hashes(DB)
    scene.api.put(secret(url="2"))
    await scene.referenced.relist("other")
    assert scene.changed == []


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(Gone("WATCH", "too old"), id="its version is too old: it lists again"),
        pytest.param(Unavailable("WATCH", "broken"), id="its connection broke: it goes on from its version"),
        pytest.param(None, id="the server ended it"),
    ],
)
async def test_a_watch_that_ends_is_begun_again(
    watching: Scene, monkeypatch: pytest.MonkeyPatch, end: Gone | Unavailable | None
) -> None:
    monkeypatch.setattr(module, "_RECONNECT_SECONDS", 0)
    watching.api.put(secret(url="1"))
    await watching.hashes(DB)
    watching.api.events.put_nowait(end)
    watching.api.events.put_nowait(("MODIFIED", watching.api.put(secret(url="2"))["metadata"]))
    await watching.told.wait()
    assert watching.changed[0] == ORDER


async def test_a_namespace_that_does_not_let_the_operator_in_holds_up_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked only when it is known to be open, and then for a LIST: what happened meanwhile is in no event."""
    monkeypatch.setattr(module, "_RECONNECT_SECONDS", 0)
    reach = Reach(("pay", "shop"))
    reach.set("pay", is_open=False)
    scene.api.closed.add("pay")
    scene.referenced = Referenced(scene.api, b"k" * 32, reach, "system", scene.tell)
    watching = asyncio.create_task(scene.referenced.watch())
    await asyncio.wait_for(scene.referenced.synced(), 5)
    assert [each for each in scene.api.requests if " pay" in each] == []
    scene.api.closed.clear()
    reach.set("pay", is_open=True)
    await asyncio.wait_for(scene.referenced.synced(), 5)
    assert {"list Secret pay", "list ConfigMap pay"} <= set(scene.api.requests)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


async def test_a_namespace_that_closes_while_its_first_list_is_waited_for_is_waited_for_no_longer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RECONNECT_SECONDS", 0.01)
    reach = Reach(("pay", "shop"))
    scene.api.closed.add("pay")
    scene.referenced = Referenced(scene.api, b"k" * 32, reach, "system", scene.tell)
    watching = asyncio.create_task(scene.referenced.watch())
    synced = asyncio.create_task(scene.referenced.synced())
    while "list Secret pay" not in scene.api.requests:  # noqa: ASYNC110 the fake has no event for it
        await asyncio.sleep(0)
    assert not synced.done()
    reach.set("pay", is_open=False)
    await asyncio.wait_for(synced, 5)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


async def test_a_watch_that_is_refused_begins_with_a_list(watching: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RECONNECT_SECONDS", 0)
    watching.api.put(secret(url="1"))
    await watching.hashes(DB)
    watching.api.put(secret(url="2"))
    watching.api.events.put_nowait(Forbidden("WATCH", "forbidden", code=403))
    await asyncio.wait_for(watching.told.wait(), 5)
    assert watching.changed == [ORDER]


async def test_sensitive_values_are_those_of_secrets_whole_and_in_parts(scene: Scene) -> None:
    values = {
        "url": "postgres://order:hunt%40er2@db/order",
        "pem": "BEGIN\nMIIEvQ==\nEND",
        "pin": "123",
        "host": "db.example.com",
        "broken": "http://[",
    }
    scene.api.put(secret(**values))
    scene.api.put(config_map(banner="Welcome"))
    _, sensitive = await scene.referenced.resolve(ORDER, [DB, FLAGS])
    assert {values["url"], "hunt%40er2", "hunt@er2", values["pem"], "MIIEvQ=="} <= sensitive
    assert "db.example.com" not in sensitive, "without it no error could be read"
    assert "123" not in sensitive, "it would be found in any text"
    assert "Welcome" not in sensitive


async def test_values_of_before_stay_sensitive_while_pods_may_have_them(watching: Scene) -> None:
    """Invariant 8: a pod that started with the old value may print it after the Secret was rotated, or deleted."""

    async def sensitive() -> frozenset[str]:
        _, found = await watching.referenced.resolve(ORDER, [DB])
        return found

    async def heard(event: str, metadata: Any) -> None:
        watching.told.clear()
        watching.api.events.put_nowait((event, metadata))
        await watching.told.wait()

    made = watching.api.put(secret(key="value-0"))
    assert await sensitive() == {"value-0"}
    for number in range(1, 7):
        made = watching.api.put(secret(key=f"value-{number}"))
        await heard("MODIFIED", made["metadata"])
        await sensitive()
    watching.api.drop("Secret", "shop", "db")
    await heard("DELETED", {**made["metadata"], "resourceVersion": str(watching.api.version)})
    assert await sensitive() == {"value-3", "value-4", "value-5", "value-6"}
    watching.referenced.forget(ORDER)
    assert await sensitive() == set()


async def test_changes_of_a_secret_that_leave_its_values_push_out_none_of_before(watching: Scene) -> None:
    """Invariant 8: controllers annotate Secrets."""
    for value in ("value-0", *["value-1"] * 6, "value-2", *["value-1"] * 6):
        watching.told.clear()
        watching.api.events.put_nowait(("MODIFIED", watching.api.put(secret(key=value))["metadata"]))
        if value != "value-0":
            await asyncio.wait_for(watching.told.wait(), 5)
        _, found = await watching.referenced.resolve(ORDER, [DB])
    assert found == {"value-0", "value-1", "value-2"}


def test_longer_values_are_blanked_first() -> None:
    """One may hold another, whose rest would tell its length and its end."""
    assert blanked("token abcdef and abc", ["abc", "abcdef"]) == "token *** and ***"
    assert blanked("nothing", ["else"]) == "nothing"


async def test_a_database_is_known_by_a_hash_that_other_secrets_share(scene: Scene) -> None:
    """Invariants 3 and 8: another user, another notation, the same database."""
    scene.api.put(secret("db", url="postgresql://order:hunter22@pg/order"))
    scene.api.put(secret("other", host="pg.shop", port="5432", database="order", username="x"))
    found = await scene.referenced.databases("shop", [("db", "postgresql"), ("other", "postgresql"), ("no", "mysql")])
    assert found["db", "postgresql"] == found["other", "postgresql"]
    assert set(found) == {("db", "postgresql"), ("other", "postgresql")}
    (told,) = found["db", "postgresql"]
    assert len(told) == 32
    other = Scene(b"x" * 32)
    other.api.put(secret("db", url="postgresql://order:hunter22@pg/order"))
    assert await other.referenced.databases("shop", [("db", "postgresql")]) != found


async def test_a_secret_that_tells_no_database_stands_for_one(scene: Scene) -> None:
    for name in ("one", "two"):
        scene.api.put(secret(name, sid="abc"))
    found = await scene.referenced.databases("shop", [("one", "oracle"), ("two", "oracle")])
    assert found["one", "oracle"] != found["two", "oracle"]


async def test_a_database_of_a_resolved_secret_is_not_read_again(scene: Scene) -> None:
    scene.api.put(secret("db", url="postgresql://order:hunter22@pg/order"))
    await scene.hashes(DB)
    await scene.referenced.databases("shop", [("db", "postgresql")])
    assert len(scene.reads()) == 1

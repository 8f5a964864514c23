"""The client: what it asks, page by page and line by line, and what each failure becomes."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from delivery_operator.cluster.api import Api, Fence
from delivery_operator.cluster.connection import Connection
from delivery_operator.cluster.errors import ApiError, Conflict, Deposed, Gone, NotFound, Unavailable
from delivery_operator.cluster.resources import DEPLOYMENTS, EVENTS, SECRETS, SERVICES

BODY = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "order-web", "namespace": "shop"}}


class Scene:
    """A client and the server that answers it, as the test says."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.bodies: list[Any] = []
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = self.ok
        self.server = TestServer(web.Application())
        self.server.app.router.add_route("*", "/{path:.*}", self.handle)

    async def ok(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(BODY)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        text = await request.text()
        self.bodies.append(json.loads(text) if text else None)
        return await self.answer(request)

    def says(self, status: int, body: Any, **headers: str) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(
                status=status, text=body if isinstance(body, str) else json.dumps(body), headers=headers
            )

        self.answer = answer

    def api(self, fence: Fence | None = None) -> Api:
        configuration = Configuration(host=f"http://127.0.0.1:{self.server.port}")
        return Api(Connection(configuration, ssl.create_default_context()), fence)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    async with scene.server:
        yield scene


async def test_an_apply_is_server_side_under_our_name(scene: Scene) -> None:
    """Invariant 7."""
    async with scene.api() as api:
        assert await api.apply(DEPLOYMENTS, BODY) == BODY
    (request,) = scene.requests
    assert (request.method, request.path) == ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/order-web")
    assert dict(request.query) == {"fieldManager": "delivery-operator", "force": "true"}
    assert request.content_type == "application/apply-patch+yaml"
    assert scene.bodies == [BODY]


async def test_a_create_goes_to_the_collection(scene: Scene) -> None:
    async with scene.api() as api:
        await api.create(DEPLOYMENTS, BODY)
    (request,) = scene.requests
    assert (request.method, request.path) == ("POST", "/apis/apps/v1/namespaces/shop/deployments")
    assert dict(request.query) == {"fieldManager": "delivery-operator"}


async def test_an_update_puts_the_whole_object(scene: Scene) -> None:
    body = {**BODY, "metadata": {"name": "order-web", "namespace": "shop", "resourceVersion": "7"}}
    async with scene.api() as api:
        await api.update(DEPLOYMENTS, body)
    (request,) = scene.requests
    assert (request.method, request.path) == ("PUT", "/apis/apps/v1/namespaces/shop/deployments/order-web")
    assert scene.bodies == [body]


WRITES: dict[str, Callable[[Api], Awaitable[object]]] = {
    "create": lambda api: api.create(DEPLOYMENTS, BODY),
    "apply": lambda api: api.apply(DEPLOYMENTS, BODY),
    "update": lambda api: api.update(DEPLOYMENTS, BODY),
    "status": lambda api: api.patch_status(SERVICES, "shop", "order", {}),
    "delete": lambda api: api.delete(DEPLOYMENTS, "shop", "order-web", "u1", "7"),
}


@pytest.mark.parametrize("write", WRITES)
async def test_one_that_does_not_lead_sends_no_write_and_reads_on(scene: Scene, write: str) -> None:
    def fence() -> float:
        raise Deposed("write", "not sent")

    async with scene.api(fence) as api:
        with pytest.raises(Deposed):
            await WRITES[write](api)
        assert scene.requests == []
        await api.get(DEPLOYMENTS, "shop", "order-web")
        scene.says(200, {"items": [], "metadata": {"resourceVersion": "7"}})
        await api.list(DEPLOYMENTS, "shop")
    assert len(scene.requests) == 2


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_is_given_up_when_its_sender_may_lead_no_more(scene: Scene, write: str) -> None:
    """It is not under way any more when the next leader begins."""

    async def answer(_: web.Request) -> web.StreamResponse:
        await ended.wait()
        return web.Response()

    ended = asyncio.Event()
    scene.answer = answer
    async with scene.api(lambda: 0.05) as api, asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await WRITES[write](api)
    ended.set()


async def test_a_status_is_patched_on_its_own_path(scene: Scene) -> None:
    async with scene.api() as api:
        await api.patch_status(SERVICES, "shop", "order", {"status": {"a": None}})
    (request,) = scene.requests
    assert request.path.endswith("/deliveryservices/order/status")
    assert request.content_type == "application/merge-patch+json"
    assert scene.bodies == [{"status": {"a": None}}]


async def test_an_object_is_patched_on_its_own_path(scene: Scene) -> None:
    async with scene.api() as api:
        await api.patch(EVENTS, "shop", "order.1", {"count": 2})
    (request,) = scene.requests
    assert request.path == "/api/v1/namespaces/shop/events/order.1"
    assert request.content_type == "application/merge-patch+json"
    assert scene.bodies == [{"count": 2}]


async def test_a_deletion_names_what_it_deletes(scene: Scene) -> None:
    """Invariant 7."""
    async with scene.api() as api:
        await api.delete(DEPLOYMENTS, "shop", "order-web", "u1", "7")
    assert scene.requests[0].method == "DELETE"
    assert scene.bodies[0]["preconditions"] == {"uid": "u1", "resourceVersion": "7"}


async def test_an_empty_list_of_metadata_has_null_for_its_items(scene: Scene) -> None:
    """Seen of a real API server: a namespace without a Secret must not end the operator."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"items": None, "metadata": {"resourceVersion": "7"}})

    scene.answer = answer
    async with scene.api() as api:
        listing = await api.list(DEPLOYMENTS, "shop", metadata_only=True)
    assert listing.items == []


async def test_a_list_is_read_page_by_page_and_its_items_get_their_kind(scene: Scene) -> None:
    pages = {
        None: {"items": [{"metadata": {"name": "a"}}], "metadata": {"resourceVersion": "7", "continue": "next"}},
        "next": {"items": [{"metadata": {"name": "b"}}], "metadata": {"resourceVersion": "7"}},
    }

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(pages[request.query.get("continue")])

    scene.answer = answer
    async with scene.api() as api:
        listing = await api.list(DEPLOYMENTS, None, selector="a=b")
    assert listing.version == "7"
    assert [(each["kind"], each["metadata"]["name"]) for each in listing.items] == [
        ("Deployment", "a"),
        ("Deployment", "b"),
    ]
    assert {request.query["labelSelector"] for request in scene.requests} == {"a=b"}


async def test_of_secrets_only_metadata_is_asked_for(scene: Scene) -> None:
    """Invariant 8."""
    scene.says(200, {"items": [], "metadata": {"resourceVersion": "7"}})
    async with scene.api() as api:
        await api.list(SECRETS, "shop", metadata_only=True)
    assert scene.requests[0].headers["Accept"].startswith("application/json;as=PartialObjectMetadataList;")


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, {"message": "not found"}, NotFound, "not found"),
        (409, {"message": "conflict", "reason": "Conflict"}, Conflict, "conflict"),
        (502, "<html>bad gateway</html>", Unavailable, "<html>bad gateway</html>"),
        (500, ["odd"], Unavailable, "HTTP 500"),
    ],
)
async def test_a_failed_request_names_itself_and_the_answer(
    scene: Scene, status: int, body: Any, kind: type[ApiError], message: str
) -> None:
    scene.says(status, body)
    async with scene.api() as api:
        with pytest.raises(kind) as caught:
            await api.get(DEPLOYMENTS, "shop", "order-web")
    assert str(caught.value) == f"GET /apis/apps/v1/namespaces/shop/deployments/order-web: {message}"


async def test_how_long_to_wait_is_passed_on(scene: Scene) -> None:
    scene.says(429, {"message": "slow down"}, **{"Retry-After": "3"})
    async with scene.api() as api:
        with pytest.raises(Unavailable) as caught:
            await api.get(DEPLOYMENTS, "shop", "order-web")
    assert caught.value.retry_after == 3.0


async def test_a_server_that_does_not_answer_is_unavailable(scene: Scene) -> None:
    api = scene.api()
    await scene.server.close()
    async with api:
        with pytest.raises(Unavailable):
            await api.get(DEPLOYMENTS, "shop", "order-web")
        with pytest.raises(Unavailable):
            await anext(api.watch_metadata(SECRETS, None, "7"))


async def test_a_watch_yields_what_comes_and_ends_with_the_server(scene: Scene) -> None:
    events = [("ADDED", "8"), ("BOOKMARK", "9")]

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for kind, version in events:
            line = {"type": kind, "object": {"metadata": {"resourceVersion": version}}}
            await response.write(json.dumps(line).encode() + b"\n")
        return response

    scene.answer = answer
    async with scene.api() as api:
        seen = [(kind, metadata["resourceVersion"]) async for kind, metadata in api.watch_metadata(SECRETS, None, "7")]
    assert seen == events
    query = scene.requests[0].query
    assert (query["watch"], query["resourceVersion"], query["allowWatchBookmarks"]) == ("true", "7", "true")


async def test_an_event_of_any_length_is_read(scene: Scene) -> None:
    """An annotation of 256 KiB may be six times as long in JSON, and managed fields longer."""
    line = {"type": "MODIFIED", "object": {"metadata": {"resourceVersion": "8", "annotations": {"a": "<" * 2_000_000}}}}

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(json.dumps(line).encode() + b"\n" + json.dumps(line).encode() + b"\n")
        return response

    scene.answer = answer
    async with scene.api() as api:
        seen = [metadata async for _, metadata in api.watch_metadata(SECRETS, None, "7")]
    assert seen == [line["object"]["metadata"]] * 2  # type: ignore[index]


async def test_an_event_that_was_cut_is_an_interruption(scene: Scene) -> None:
    scene.says(200, '{"type": "ADDED", "obj')
    async with scene.api() as api:
        with pytest.raises(Unavailable):
            await anext(api.watch_metadata(SECRETS, None, "7"))


@pytest.mark.parametrize("within", [True, False])
async def test_a_version_that_is_too_old_is_gone(scene: Scene, *, within: bool) -> None:
    """The API server says so by its status, or by an event of a watch that it took."""
    expired = {"code": 410, "message": "too old resource version"}
    scene.says(200 if within else 410, {"type": "ERROR", "object": expired} if within else expired)
    async with scene.api() as api:
        with pytest.raises(Gone, match="too old"):
            await anext(api.watch_metadata(SECRETS, None, "7"))


async def test_no_request_waits_for_the_watches_of_many_namespaces(scene: Scene) -> None:
    """Two for each namespace that is served, and each keeps a connection for as long as it lasts."""
    ended = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            await ended.wait()
        return web.json_response(BODY)

    scene.answer = answer
    async with scene.api() as api, asyncio.timeout(10):
        watches = [
            asyncio.ensure_future(anext(api.watch_metadata(SECRETS, f"n{number}", "7"))) for number in range(150)
        ]
        while len(scene.requests) < len(watches):
            await asyncio.wait(watches, timeout=0.01)
        await api.get(DEPLOYMENTS, "shop", "order-web")
        ended.set()
        await asyncio.gather(*watches, return_exceptions=True)


async def test_a_client_that_was_not_entered_says_so(scene: Scene) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await scene.api().get(DEPLOYMENTS, "shop", "order-web")

"""Requests to the API server: plain JSON in and out, typed errors."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from delivery_operator.cluster.connection import Connection
from delivery_operator.cluster.errors import Unavailable, of_response
from delivery_operator.cluster.resources import Resource
from delivery_operator.render.names import MANAGER

Body = dict[str, Any]
Fence = Callable[[], float]
"""Seconds for which this process may still write. Raises Deposed when it may not."""

TIMEOUT_SECONDS: Final = 30
PAGE: Final = 50
"""Objects in one answer to a LIST: fifty Deployments are half a megabyte of JSON, and three of memory."""
METADATA_PAGE: Final = 500
WATCH_SECONDS: Final = 290
"""A watch is renewed after this time, so that a connection that died unseen is noticed."""
SILENCE_SECONDS: Final = 90
"""A watch without even a bookmark (one a minute) for this long is dead."""

_JSON: Final = "application/json"
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_METADATA: Final = "application/json;as=PartialObjectMetadata{0};g=meta.k8s.io;v=v1,application/json"


@dataclass(frozen=True)
class Listing:
    """The result of a LIST: every object there was, and the version the collection had."""

    items: list[Body]
    version: str


class Api:
    """A thin client of one API server. Use it as an async context manager."""

    def __init__(self, connection: Connection, fence: Fence | None = None) -> None:
        """Keep the connection; the session is opened on entering.

        Args:
            connection: where to.
            fence: asked before each write, which is given up when the time that it answers with is over: a deposed
                leader must not write, and what it has sent must not be under way when the next one begins. Without
                one writes are free.
        """
        self._connection = connection
        self._fence = fence
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session."""
        self._session = self._connection.session()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        if self._session:
            await self._session.close()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Body:
        """Read one object. Raises NotFound when it is not there."""
        return await self._json("GET", resource.path(namespace, name))

    async def read(self, path: str) -> Body:
        """Read what the API server has at a path: what it serves, or an object of a kind that is not in our table."""
        return await self._json("GET", path)

    async def create(self, resource: Resource, body: Mapping[str, Any]) -> Body:
        """Create an object. Raises AlreadyExists when its name is taken."""
        path = resource.path(body["metadata"]["namespace"])
        return await self._json("POST", path, body=body, params={"fieldManager": MANAGER})

    async def apply(
        self, resource: Resource, body: Mapping[str, Any], *, manager: str = MANAGER, force: bool = True
    ) -> Body:
        """Server-side apply: own the fields of the body, and no others (invariant 7).

        Args:
            resource: its kind.
            body: the fields to own.
            manager: as which field manager.
            force: take fields that another manager has at another value; without it that is a Conflict.
        """
        metadata = body["metadata"]
        return await self._json(
            "PATCH",
            resource.path(metadata["namespace"], metadata["name"]),
            body=body,
            params={"fieldManager": manager, "force": "true" if force else "false"},
            content_type="application/apply-patch+yaml",
        )

    async def update(self, resource: Resource, body: Mapping[str, Any]) -> Body:
        """Put an object in the place of the one of its version. Raises Conflict when that is another by now."""
        metadata = body["metadata"]
        path = resource.path(metadata["namespace"], metadata["name"])
        return await self._json("PUT", path, body=body, params={"fieldManager": MANAGER})

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Mapping[str, Any]) -> Body:
        """JSON merge patch. Raises Conflict when the patch names another UID or resourceVersion than there is."""
        return await self._merge(resource.path(namespace, name), patch)

    async def patch_status(
        self, resource: Resource, namespace: str | None, name: str, patch: Mapping[str, Any]
    ) -> Body:
        """JSON merge patch of the status subresource; Conflict as with `patch`."""
        return await self._merge(resource.path(namespace, name, "status"), patch)

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str, version: str) -> None:
        """Delete exactly this object as it was seen. Raises NotFound, or Conflict when it is another one or changed."""
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid, "resourceVersion": version},
        }
        await self._json("DELETE", resource.path(namespace, name), body=options)

    async def list(
        self, resource: Resource, namespace: str | None, *, selector: str = "", metadata_only: bool = False
    ) -> Listing:
        """List a collection as it is now; arguments are those of `pages`."""
        items: list[Body] = []
        version = ""
        async for page in self.pages(resource, namespace, selector=selector, metadata_only=metadata_only):
            items += page.items
            version = page.version
        return Listing(items, version)

    async def pages(
        self, resource: Resource, namespace: str | None, *, selector: str = "", metadata_only: bool = False
    ) -> AsyncIterator[Listing]:
        """List a collection as it is now (a quorum read), page by page; each has the version of the whole.

        Args:
            resource: what to list.
            namespace: in which namespace; None for all.
            selector: a label selector.
            metadata_only: leave out all but metadata, so that no secret value is transferred.
        """
        limit = METADATA_PAGE if metadata_only else PAGE
        params = {"limit": str(limit), **({"labelSelector": selector} if selector else {})}
        accept = _METADATA.format("List") if metadata_only else _JSON
        token: str | None = ""
        while token is not None:
            page = await self._json("GET", resource.path(namespace), params=params, accept=accept)
            # Items of a list carry no kind of their own; an empty list of metadata has null for its items.
            found = page.pop("items") or ()
            items = [{**item, "apiVersion": resource.api_version, "kind": resource.kind} for item in found]
            token = page["metadata"].get("continue") or None
            if token:
                params["continue"] = token
            yield Listing(items, page["metadata"]["resourceVersion"])

    async def watch_metadata(
        self, resource: Resource, namespace: str | None, version: str
    ) -> AsyncIterator[tuple[str, Body]]:
        """Yield (type, metadata) of each change since a version; otherwise as `watch`."""
        async for event, body in self.watch(resource, namespace, version, accept=_METADATA.format("")):
            yield event, body["metadata"]

    async def watch(
        self, resource: Resource, namespace: str | None, version: str, *, selector: str = "", accept: str = _JSON
    ) -> AsyncIterator[tuple[str, Body]]:
        """Yield (type, object) of each change since a version, bookmarks included; ends when the server ends it.

        Raises:
            Gone: the version is too old.
            Unavailable: the connection broke or fell silent.
        """
        path = resource.path(namespace)
        params = {
            **({"labelSelector": selector} if selector else {}),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        timeout = aiohttp.ClientTimeout(total=WATCH_SECONDS + TIMEOUT_SECONDS, sock_read=SILENCE_SECONDS)
        request = f"WATCH {path}"
        try:
            async with self._opened.get(
                self._connection.host + path,
                params=params,
                headers=await self._headers(accept),
                timeout=timeout,
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise of_response(request, response.status, _status(await response.read()), None)
                async for line in lines(response.content):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise of_response(request, event["object"].get("code", 500), event["object"], None)
                    yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError) as error:  # the last: of a line that was cut
            raise Unavailable(request, str(error) or type(error).__name__) from error

    async def _merge(self, path: str, patch: Mapping[str, Any]) -> Body:
        return await self._json(
            "PATCH",
            path,
            body=patch,
            params={"fieldManager": MANAGER},
            content_type="application/merge-patch+json",
        )

    @property
    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("enter the client (async with) before using it")
        return self._session

    async def _headers(self, accept: str = _JSON) -> dict[str, str]:
        authorization = await self._connection.authorization()
        return {"Accept": accept, **({"Authorization": authorization} if authorization else {})}

    async def _json(  # noqa: PLR0913 what makes a request
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        accept: str = _JSON,
        content_type: str = _JSON,
    ) -> Body:
        headers = await self._headers(accept)
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            data = json.dumps(body, separators=(",", ":")).encode()
        request = f"{method} {path}"
        seconds: float = TIMEOUT_SECONDS
        if self._fence is not None and method in _WRITES:
            seconds = min(seconds, self._fence())  # asked last: what comes before it may have taken its time
        try:
            async with self._opened.request(
                method,
                self._connection.host + path,
                params=params,
                data=data,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                content = await response.read()
                if not response.ok:
                    retry_after = response.headers.get("Retry-After")
                    raise of_response(request, response.status, _status(content), retry_after)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(request, str(error) or type(error).__name__) from error
        answer: Body = json.loads(content)
        return answer


def _status(content: bytes) -> dict[str, Any]:
    try:
        status = json.loads(content)
    except ValueError:
        return {"message": content[:200].decode(errors="replace")}
    return status if isinstance(status, dict) else {}


async def lines(content: aiohttp.StreamReader) -> AsyncIterator[str]:
    """Split a stream into lines of any length; aiohttp's own iterator refuses long ones."""
    held: list[bytes] = []
    async for piece in content.iter_any():
        *whole, rest = piece.split(b"\n")
        for line in whole:
            yield b"".join((*held, line)).decode(errors="replace")
            held.clear()
        held.append(rest)
    if last := b"".join(held):
        yield last.decode(errors="replace")

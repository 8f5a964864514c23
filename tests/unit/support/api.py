"""An API server in memory, for tests of what stands between decisions and the cluster."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from copy import deepcopy
from typing import Any

from delivery_operator.cluster.api import Api, Listing
from delivery_operator.cluster.errors import AlreadyExists, ApiError, Conflict, Forbidden, NotFound
from delivery_operator.cluster.resources import Resource
from delivery_operator.render.names import MANAGER

Body = dict[str, Any]
Place = tuple[str, str, str]
"""Kind, namespace and name."""


class FakeApi(Api):
    """Keeps objects, answers as the API server does, and fails when told to."""

    def __init__(self) -> None:
        # No connection: nothing of the real client is used.
        self.objects: dict[Place, Body] = {}
        self.requests: list[str] = []
        self.failures: deque[ApiError] = deque()
        """Errors for the next writes, one each."""
        self.read_failures: deque[ApiError] = deque()
        """Errors for the next reads, one each."""
        self.closed: set[str] = set()
        """Namespaces in which nothing may be listed or watched."""
        self.before_answer: Callable[[], None] = lambda: None
        """Called when the answer to a read is made and not yet delivered."""
        self.events: asyncio.Queue[tuple[str, Body] | ApiError | None] = asyncio.Queue()
        """What the watches yield; an error breaks one, None ends one."""
        self.version = 100
        self.paths: dict[str, Body] = {}
        """What `read` finds: path to answer."""

    def put(self, body: Mapping[str, Any]) -> Body:
        """Keep an object as the API server would, whoever wrote it."""
        self.version += 1
        kept = deepcopy(dict(body))
        kept["metadata"] = {
            "uid": f"uid-{self.version}",
            "generation": 1,
            **kept["metadata"],
            "resourceVersion": str(self.version),
        }
        self.objects[kept["kind"], kept["metadata"].get("namespace", ""), kept["metadata"]["name"]] = kept
        return deepcopy(kept)

    def drop(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object."""
        self.version += 1
        del self.objects[kind, namespace, name]

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Body:
        self.requests.append(f"get {resource.kind} {name}")
        if self.read_failures:
            raise self.read_failures.popleft()
        found = deepcopy(self.objects.get((resource.kind, namespace or "", name)))
        self.before_answer()
        if found is None:
            raise NotFound(f"GET {name}", "not found", code=404)
        return found

    async def read(self, path: str) -> Body:
        self.requests.append(f"read {path}")
        if self.read_failures:
            raise self.read_failures.popleft()
        if path not in self.paths:
            raise NotFound(f"GET {path}", "not found", code=404)
        return deepcopy(self.paths[path])

    async def create(self, resource: Resource, body: Mapping[str, Any]) -> Body:
        place = self._write("create", resource, body)
        if place in self.objects:
            raise AlreadyExists(f"POST {place[2]}", "already exists", code=409)
        return self.put(body)

    async def apply(
        self, resource: Resource, body: Mapping[str, Any], *, manager: str = MANAGER, force: bool = True
    ) -> Body:
        place = self._write("apply", resource, body)
        found = self.objects.get(place)
        uid = body["metadata"].get("uid")
        if uid is not None and (found is None or found["metadata"]["uid"] != uid):
            raise Conflict(f"PATCH {place[2]}", "the UID is another", code=409)
        version = body["metadata"].get("resourceVersion")
        if version is not None and found is not None and found["metadata"]["resourceVersion"] != version:
            raise Conflict(f"PATCH {place[2]}", "the object has been modified", code=409)
        if manager != MANAGER:
            assert found is not None
            if not force and found["spec"] != {**found["spec"], **body["spec"]}:
                raise Conflict(f"PATCH {place[2]}", "another manager has another value", code=409)
            return self.put({**found, "managers": [*found.get("managers", ()), manager]})
        kept_uid = {"uid": found["metadata"]["uid"]} if found else {}
        return self.put({**(found or {}), **body, "metadata": {**body["metadata"], **kept_uid}})

    async def update(self, resource: Resource, body: Mapping[str, Any]) -> Body:
        place = self._write("update", resource, body)
        found = self.objects.get(place)
        if found is None:
            raise NotFound(f"PUT {place[2]}", "not found", code=404)
        if found["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise Conflict(f"PUT {place[2]}", "it has changed", code=409)
        return self.put(body)

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Mapping[str, Any]) -> Body:
        precise = patch.get("metadata", {})
        if "resourceVersion" in precise:
            found: Body | None = self._as_seen("patch", resource, namespace, name, precise)
        else:
            place = self._write("patch", resource, {"metadata": {"namespace": namespace, "name": name}})
            found = self.objects.get(place)
        if found is None:
            raise NotFound(f"PATCH {name}", "not found", code=404)
        return self.put(_merged(found, patch))

    async def patch_status(
        self, resource: Resource, namespace: str | None, name: str, patch: Mapping[str, Any]
    ) -> Body:
        found = self._as_seen("status", resource, namespace, name, patch["metadata"])
        status = {**(found.get("status") or {}), **patch["status"]}
        return self.put({**found, "status": {field: value for field, value in status.items() if value is not None}})

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str, version: str) -> None:
        self._as_seen("delete", resource, namespace, name, {"uid": uid, "resourceVersion": version})
        self.drop(resource.kind, namespace, name)

    async def list(
        self, resource: Resource, namespace: str | None, *, selector: str = "", metadata_only: bool = False
    ) -> Listing:
        self.requests.append(f"list {resource.kind} {namespace or 'all'} {selector}".strip())
        self._enter(namespace)
        if self.read_failures:
            raise self.read_failures.popleft()
        found = [
            {"kind": body["kind"], "metadata": body["metadata"]} if metadata_only else body
            for (kind, where, _), body in self.objects.items()
            if kind == resource.kind
            and namespace in {None, where}
            and (not selector or selector in (body["metadata"].get("labels") or {}))
        ]
        return Listing(deepcopy(found), str(self.version))

    async def pages(
        self, resource: Resource, namespace: str | None, *, selector: str = "", metadata_only: bool = False
    ) -> AsyncIterator[Listing]:
        yield await self.list(resource, namespace, selector=selector, metadata_only=metadata_only)

    async def watch_metadata(
        self, resource: Resource, namespace: str | None, version: str
    ) -> AsyncIterator[tuple[str, Body]]:
        self.requests.append(f"watch {resource.kind} {namespace or 'all'} {version}")
        self._enter(namespace)
        if resource.kind != "Secret":
            await asyncio.Event().wait()
        while (event := await self.events.get()) is not None:
            if isinstance(event, ApiError):
                raise event
            yield event

    async def watch(
        self, resource: Resource, namespace: str | None, version: str, *, selector: str = "", **_: Any
    ) -> AsyncIterator[tuple[str, Body]]:
        self.requests.append(f"watch {resource.kind} {namespace or 'all'} {version} {selector}")
        while (event := await self.events.get()) is not None:
            if isinstance(event, ApiError):
                raise event
            yield event

    def _enter(self, namespace: str | None) -> None:
        if namespace in self.closed:
            raise Forbidden(f"GET {namespace}", "forbidden", code=403)

    def _write(self, verb: str, resource: Resource, body: Mapping[str, Any]) -> Place:
        metadata = body["metadata"]
        self.requests.append(f"{verb} {resource.kind} {metadata['name']}")
        if self.failures:
            raise self.failures.popleft()
        return resource.kind, metadata.get("namespace") or "", metadata["name"]

    def _as_seen(
        self, verb: str, resource: Resource, namespace: str | None, name: str, seen: Mapping[str, Any]
    ) -> Body:
        metadata = {"namespace": namespace, "name": name}
        found = self.objects.get(self._write(verb, resource, {"metadata": metadata}))
        if found is None:
            raise NotFound(f"{verb} {name}", "not found", code=404)
        if any(found["metadata"][field] != seen[field] for field in ("uid", "resourceVersion")):
            raise Conflict(f"{verb} {name}", "it has changed", code=409)
        return found


def _merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> Body:
    """JSON merge patch (RFC 7386)."""
    new = dict(old)
    for field, value in patch.items():
        new[field] = _merged(old.get(field) or {}, value) if isinstance(value, dict) else value
    return {field: value for field, value in new.items() if value is not None}

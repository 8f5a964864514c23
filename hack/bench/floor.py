"""The raw floor: the requests that the operator makes for a new service, sent by a plain aiohttp script.

What to send comes from the operator's own engine, worked out before the clock starts: the same release, the same
children, the same status. What is left is what nobody who writes the same can save: the API server's work, TLS, and one
client's JSON.
"""

import asyncio
import json
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from delivery_operator.api.release import ReferenceKind
from delivery_operator.cluster.resources import BY_KIND
from delivery_operator.engine.decide import decide
from delivery_operator.engine.objects import Key, Object, key
from delivery_operator.engine.plan import Apply, Create, SetStatus, Write
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render.bundle import Bundle
from delivery_operator.render.names import MANAGER


@dataclass(frozen=True)
class Request:
    """One write, ready to be sent."""

    method: str
    path: str
    content_type: str
    body: bytes
    params: Mapping[str, str]


@dataclass(frozen=True)
class Script:
    """The writes for one new service.

    Attributes:
        create: the release, the children, and the status that tells of the rollout.
        rollout: the two status writes once the pods are there.
    """

    create: list[Request]
    rollout: list[Request]


def script(service: Object, secrets: Iterable[str], bundle: Bundle) -> Script:
    """Play the life of a new service with the engine, and keep what it writes."""
    world = _World(service, {(ReferenceKind.SECRET, each): {"url": "0" * 64} for each in secrets}, bundle)
    create = [_request(write) for write in world.settle()]
    world.roll_out()
    return Script(create, [_request(write) for write in world.settle()])


async def send(kubeconfig: Object, scripts: Iterable[list[Request]], connections: int) -> None:
    """Send scripts with this many connections, each script's requests one after the other."""
    (cluster,), (user,) = kubeconfig["clusters"], kubeconfig["users"]
    trust = ssl.create_default_context(cafile=cluster["cluster"]["certificate-authority"])
    waiting = iter(scripts)
    async with aiohttp.ClientSession(
        cluster["cluster"]["server"],
        connector=aiohttp.TCPConnector(ssl=trust, limit=connections),
        headers={"Authorization": f"Bearer {user['user']['token']}", "Accept": "application/json"},
    ) as session:

        async def work() -> None:
            for requests in waiting:
                for each in requests:
                    await _send(session, each)

        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(work())


async def _send(session: aiohttp.ClientSession, request: Request) -> None:
    headers = {"Content-Type": request.content_type}
    async with session.request(
        request.method, request.path, params=request.params, data=request.body, headers=headers
    ) as response:
        content = await response.read()
        if not response.ok:
            raise RuntimeError(f"{request.method} {request.path}: {response.status} {content[:500]!r}")
        json.loads(content)  # the operator reads its answers, too


def _request(write: Write) -> Request:
    match write:
        case Create(body):
            method, subresource, content_type = "POST", None, "application/json"
        case Apply(body):
            method, subresource, content_type = "PATCH", None, "application/apply-patch+yaml"
        case SetStatus(target, status):
            method, subresource, content_type = "PATCH", "status", "application/merge-patch+json"
            body = {**target, "status": status}
        case _:
            raise ValueError(f"a new service wants no {type(write).__name__}")
    metadata = body["metadata"]
    name = None if method == "POST" else metadata["name"]
    sent = {"status": body["status"]} if subresource else body
    return Request(
        method,
        BY_KIND[body["kind"]].path(metadata["namespace"], name, subresource),
        content_type,
        json.dumps(sent, separators=(",", ":")).encode(),
        {"fieldManager": MANAGER, **({"force": "true"} if isinstance(write, Apply) else {})},
    )


class _World:
    """As much of a cluster as the engine needs to think that its writes were made."""

    def __init__(self, service: Object, referenced: Mapping[Any, Mapping[str, str]], bundle: Bundle) -> None:
        self._service = dict(service)
        self._referenced = referenced
        self._bundle = bundle
        self._releases: list[dict[str, Any]] = []
        self._children: dict[Key, dict[str, Any]] = {}

    def settle(self) -> Iterator[Write]:
        while plan := self._plan():
            for write in plan:
                self._make(write)
                yield write

    def roll_out(self) -> None:
        for (kind, _), body in self._children.items():
            if kind == "Deployment":
                counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), body["spec"]["replicas"])
                body["status"] = {"observedGeneration": 1, **counts}

    def _plan(self) -> tuple[Write, ...]:
        return decide(
            Snapshot(
                now=datetime.now(UTC),
                service=self._service,
                releases=self._releases,
                children=self._children,
                pods=(),
                referenced=self._referenced,
                bundle=self._bundle,
            )
        ).writes

    def _make(self, write: Write) -> None:
        match write:
            case Create(manifest) | Apply(manifest):
                metadata = {**manifest["metadata"], "uid": f"uid of {manifest['metadata']['name']}", "generation": 1}
                body = {**manifest, "metadata": metadata}
                if body["kind"] == "DeliveryRelease":
                    self._releases.append(body)
                else:
                    self._children[key(body)] = body
            case SetStatus(target, status):
                held = self._service if target["kind"] == self._service["kind"] else self._releases[-1]
                held["status"] = status
            case _:
                raise ValueError(f"a new service wants no {type(write).__name__}")

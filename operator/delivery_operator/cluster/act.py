"""Carries out a plan: one write after the other, each answer into the store at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, assert_never

from delivery_operator.cluster.api import Api
from delivery_operator.cluster.errors import AlreadyExists, Conflict, NotFound, Refused, Unavailable
from delivery_operator.cluster.resources import BY_KIND, RELEASES
from delivery_operator.cluster.store import Body, ServiceKey, Store, object_key, service_key
from delivery_operator.engine import authors
from delivery_operator.engine.objects import Key, owner_uid
from delivery_operator.engine.plan import Apply, Create, Delete, HandOver, Plan, Resume, SetStatus, Write, aim
from delivery_operator.render.names import RESUMED, SCALE_MANAGER

OF_NO_OBJECT: Final = "1"
"""A resourceVersion that no object has: an apply with it makes its object, and is a Conflict where there is one.

Versions are etcd's revisions, the first write's being 2 (https://etcd.io/docs/v3.6/learning/data_model). Where there is
no object, the API server makes one and looks at the version no further; decision 0019.
"""

Written = Callable[[str, Body], None]
"""Called with the verb of each write that was made and the API server's answer, or the object that was deleted."""
Tell = Callable[[Write], None]
"""Called with each write that was made, for people to be told of it."""


class WriteRefused(Exception):
    """The API server refused a write of the plan for good.

    Attributes:
        target: kind and name of the object.
        error: what the API server said.
        made: the writes of the plan that were made before.
    """

    def __init__(self, target: Key, error: Refused, made: Sequence[Write] = ()) -> None:
        """Keep what was refused and why."""
        super().__init__(f"{' '.join(target)}: {error.message}")
        self.target = target
        self.error = error
        self.made = made


class Actor:
    """Makes the writes of plans."""

    def __init__(self, api: Api, store: Store, written: Written, tell: Tell) -> None:
        """Use this client and store; report each write made."""
        self._api = api
        self._store = store
        self._written = written
        self._tell = tell

    async def act(self, service: ServiceKey, plan: Plan) -> list[Write]:
        """Make the writes of a plan in order.

        Stops early, without an error, when the world is not as the plan saw it: what was found is in the store then,
        and the next decision sees it.

        Returns:
            The writes that were made.

        Raises:
            WriteRefused: the API server will not take a write.
            ApiError: it could not take it now.
        """
        made: list[Write] = []
        for write in plan.writes:
            try:
                ready = await self._prepared(service, write)
                as_seen = ready is not None and await self._make(service, ready)
            except Refused as error:
                raise WriteRefused(aim(write), error, made) from error
            if ready is None or not as_seen:
                break
            made.append(ready)
            if isinstance(ready, Apply | Create) and ready.drift:
                self._store.repairs.note(service, ready.drift)
            self._tell(ready)
        return made

    async def _prepared(self, service: ServiceKey, write: Write) -> Write | None:
        """Read again what a release is made from, and have it say who changed it; None when it is another one by now.

        Only the API server's answer tells who: the store does not keep it for every service.
        """
        if not isinstance(write, Create) or write.made_from is None:
            return write
        fresh = await self._refresh(service, write.made_from)
        if fresh is None or _outdated(write.made_from, fresh):
            return None
        return replace(write, manifest=authors.signed(write.manifest, write.changes, fresh)) if write.changes else write

    async def _make(self, service: ServiceKey, write: Write) -> bool:
        match write:
            case Create(manifest):
                as_seen = await self._create(service, manifest)
            case Apply(manifest, uid):
                as_seen = await self._apply(service, manifest, uid)
            case HandOver(target, replicas):
                as_seen = await self._hand_over(service, target, replicas)
            case Resume(target):
                as_seen = await self._resume(target)
            case Delete(target):
                as_seen = await self._delete(target)
            case SetStatus(target, status):
                as_seen = await self._set_status(target, status)
            case _:
                assert_never(write)
        return as_seen

    async def _create(self, service: ServiceKey, manifest: Mapping[str, Any]) -> bool:
        resource = BY_KIND[manifest["kind"]]
        try:
            answer = await self._api.create(resource, manifest)
        except AlreadyExists:
            found = await self._look_up(service, manifest)
            if resource is RELEASES and found is not None and owner_uid(found) not in {None, owner_uid(manifest)}:
                raise Unavailable(
                    f"create {manifest['kind']} {manifest['metadata']['name']}",
                    "a release of this name belongs to a deleted service and has not been removed yet",
                ) from None
            return False
        return self._made("create", answer)

    async def _apply(self, service: ServiceKey, manifest: Mapping[str, Any], uid: str | None) -> bool:
        # An apply would take over an object of this name that is not ours (invariant 7), and the store holds only what
        # carries our label: so one that makes its object must fail where one is. With the UID, on the other hand, an
        # object that was deleted meanwhile gives a Conflict, instead of being made anew half aware.
        precondition = {"resourceVersion": OF_NO_OBJECT} if uid is None else {"uid": uid}
        body = {**manifest, "metadata": {**manifest["metadata"], **precondition}}
        resource = BY_KIND[manifest["kind"]]
        try:
            answer = await self._api.apply(resource, body)
        except Conflict:
            await self._refresh(service, manifest)
            return False
        return self._made("apply", answer)

    async def _hand_over(self, service: ServiceKey, target: Mapping[str, Any], replicas: int) -> bool:
        body = {
            "apiVersion": target["apiVersion"],
            "kind": target["kind"],
            "metadata": {name: target["metadata"][name] for name in ("name", "namespace", "uid")},
            "spec": {"replicas": replicas},
        }
        try:
            # Without force: a number that somebody has changed meanwhile is a conflict, and is looked at again.
            answer = await self._api.apply(BY_KIND[target["kind"]], body, manager=SCALE_MANAGER, force=False)
        except Conflict:
            await self._refresh(service, target)
            return False
        return self._made("apply", answer)

    async def _resume(self, target: Mapping[str, Any]) -> bool:
        resource, metadata = BY_KIND[target["kind"]], target["metadata"]
        patch = {
            "metadata": {
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
                "annotations": {RESUMED: "true"},
            },
            "spec": {"suspend": False},
        }
        try:
            answer = await self._api.patch(resource, metadata["namespace"], metadata["name"], patch)
        except (Conflict, NotFound):
            await self._refresh(service_key(target) or ("", ""), target)
            return False
        return self._made("patch", answer)

    async def _delete(self, target: Mapping[str, Any]) -> bool:
        resource, metadata = BY_KIND[target["kind"]], target["metadata"]
        try:
            await self._api.delete(
                resource, metadata["namespace"], metadata["name"], metadata["uid"], metadata["resourceVersion"]
            )
        except NotFound:
            pass
        except Conflict:
            await self._refresh(service_key(target) or ("", ""), target)
            return False
        else:
            self._written("delete", dict(target))
        self._store.remove(dict(target), last_seen=True)
        return True

    async def _set_status(self, target: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
        resource, metadata = BY_KIND[target["kind"]], target["metadata"]
        patch = {
            # Decided on this version: if it has changed, the decision is made again.
            "metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
            "status": merge_patch(target.get("status") or {}, status),
        }
        try:
            answer = await self._api.patch_status(resource, metadata.get("namespace"), metadata["name"], patch)
        except (Conflict, NotFound):
            await self._refresh(service_key(target) or ("", ""), target)
            return False
        return self._made("patch-status", answer)

    def _made(self, verb: str, answer: Body) -> bool:
        self._store.put(answer)
        self._written(verb, answer)
        return True

    async def _look_up(self, service: ServiceKey, manifest: Mapping[str, Any]) -> Body | None:
        metadata = manifest["metadata"]
        try:
            found = await self._api.get(BY_KIND[manifest["kind"]], metadata.get("namespace"), metadata["name"])
        except NotFound:
            return None
        self._store.put(found, service)
        return found

    async def _refresh(self, service: ServiceKey, seen: Mapping[str, Any]) -> Body | None:
        """Bring the store up to date about one object; returns it as it is now, or None when it is gone."""
        found = await self._look_up(service, seen)
        if found is None:
            held = self._store.get(*object_key(seen))
            if held is not None:
                self._store.remove(held, last_seen=True)
        return found


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Make the JSON merge patch (RFC 7386) that turns one object into another."""
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = merge_patch(before, value)
            if inner:
                patch[name] = inner
        elif value != before:
            patch[name] = value
    return patch


def _outdated(seen: Mapping[str, Any], fresh: Body) -> bool:
    """Whether an object is going, or its spec is another one by now."""
    if fresh["metadata"].get("deletionTimestamp"):
        return True
    return any(fresh["metadata"][name] != seen["metadata"][name] for name in ("uid", "generation"))

"""What the newest release should be: the spec's own content, or that of an earlier release (`rollbackTo`).

It is decided from what is, not from what was asked before: as long as rollbackTo names a release, the newest one should
have its content; when the field is gone, the spec's own again. A newest release that has it already is left alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from delivery_operator.api.base import API_VERSION
from delivery_operator.api.release import KIND, MigrationResult, Phase, Reason
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.engine import adoption, changes, overlay, references
from delivery_operator.engine.changes import Changes
from delivery_operator.engine.history import History, Release, last_number
from delivery_operator.engine.memo import KEPT, Content, Same
from delivery_operator.engine.objects import Key, Object, annotations, name, uid
from delivery_operator.engine.plan import Create
from delivery_operator.engine.scaled import asked
from delivery_operator.engine.snapshot import Obstacle, Snapshot
from delivery_operator.render import names
from delivery_operator.render.canonical import digest
from delivery_operator.render.manifests import content, pack, render, scaling


@dataclass(frozen=True)
class Wish:
    """What the newest release should be.

    Attributes:
        spec: content, with what takes effect at once from the service's spec of today.
        content: what of it makes a release.
        source: the release to copy; None when it is to be rendered.
        obstacle: why there is nothing to wish for: the release that was named is not there, or may not come back.
    """

    spec: DeliveryServiceSpec
    content: Mapping[str, Any]
    source: Release | None = None
    obstacle: Obstacle | None = None

    def digest(self, snapshot: Snapshot) -> str:
        """Digest of what the release would be cut from: content and the keyed hashes of its references.

        Neither templates nor environment are part of it: their changes do not roll the fleet (invariant 2).
        """
        hashes = references.hashes(self.spec, snapshot.referenced, snapshot.platform.bindings)
        return digest({"content": self.content, "references": hashes})

    def met_by(self, release: Release, snapshot: Snapshot) -> bool:
        """Whether a release is what is wished for; of one to go back to the manifests count too, not content alone."""
        as_source = self.source is None or self.source.templates == release.templates
        return as_source and release.digest == self.digest(snapshot)


def read(service: Object) -> DeliveryServiceSpec:
    """Read the spec of a service.

    Raises:
        ValidationError: it cannot be read.
    """
    return _read(Content(uid(service), service["spec"]))


@lru_cache(maxsize=KEPT)
def _read(asked: Content) -> DeliveryServiceSpec:
    return DeliveryServiceSpec.model_validate(asked.value)


@lru_cache(maxsize=KEPT)
def _content(spec: Same) -> dict[str, Any]:
    return content(spec.value)


def of(service: Object, spec: DeliveryServiceSpec, history: History, live: Mapping[Key, Object]) -> Wish:
    """Answer what the newest release should be.

    Args:
        service: the service; its user may have lifted a refusal (annotation delivery.dev/force-rollback).
        spec: its spec, read.
        history: its releases.
        live: the objects that there are: a contract step that has begun may not be recorded yet.
    """
    number = spec.release.rollback_to
    own = _content(Same(spec))
    if number is None:
        return Wish(spec, own)
    target = history.numbered(number)
    if target is None:
        kept = ", ".join(str(release.number) for release in history.releases) or "none"
        message = (
            f"release {number}, which spec.release.rollbackTo names, does not exist (there are: {kept}); name one of "
            "these, or remove rollbackTo"
        )
        return Wish(spec, own, obstacle=Obstacle("RollbackTargetMissing", message))
    contracted = max((each.number for each in history.releases if each.contracted(live)), default=0)
    forced = annotations(service).get(names.FORCE_ROLLBACK) == names.release(name(service), number)
    if contracted > number and not forced:
        message = (
            f"release {number}, which spec.release.rollbackTo names, cannot run any more: the contract step of release "
            f"{contracted} has removed what it needs; remove rollbackTo, or name a release from {contracted} on"
        )
        return Wish(spec, own, obstacle=Obstacle("RollbackRefused", message))
    unmigrated = _unmigrated(target, number)
    if unmigrated:
        return Wish(spec, own, obstacle=unmigrated)
    today = overlay.todays(target, spec)
    if today is None:
        message = (
            f"release {number}, which spec.release.rollbackTo names, was made by another version of the operator, and "
            "this one cannot read it; name a newer one, or remove rollbackTo"
        )
        return Wish(spec, own, obstacle=Obstacle("RollbackRefused", message))
    return Wish(today, target.content, source=target)


def _unmigrated(target: Release, number: int) -> Obstacle | None:
    """Why a release has never run: a copy of it would run no migration either."""
    if not target.has_job(names.MIGRATE) or (target.migration or {}).get("result") == MigrationResult.SUCCEEDED:
        return None
    named = f"release {number}, which spec.release.rollbackTo names, has"
    if target.phase in {Phase.PENDING, Phase.MIGRATING}:
        return Obstacle("RollbackTargetMigrating", f"{named} not migrated yet; its end is waited for", passes=True)
    message = (
        f"{named} never run: its migration did not succeed, and a copy runs none; name one that has served, or remove "
        "rollbackTo"
    )
    return Obstacle("RollbackRefused", message)


def cut(wish: Wish, snapshot: Snapshot, newest: Release | None, renewed: int | None = None) -> Create:
    """Plan the making of the next release.

    Args:
        wish: what it should be.
        snapshot: what there is.
        newest: the release before it.
        renewed: number of the release that it renews, if it does.

    Raises:
        TemplateError: the templates are wrong.
    """
    service = snapshot.service
    number = last_number(snapshot, newest) + 1
    reason, what = changed(wish, snapshot, newest, renewed)
    release = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": adoption.identity(service, names.release(name(service), number)),
        "spec": {
            "service": name(service),
            "number": number,
            "reason": reason.value,
            "changes": what.told(),
            **({"renewalOf": renewed} if renewed else {}),
            "digest": wish.digest(snapshot),
            "references": references.record(wish.spec, snapshot.referenced, snapshot.platform.bindings),
            **(_copied(wish.source, wish) if wish.source else _rendered(wish, snapshot)),
        },
    }
    return Create(release, made_from=service, changes=what)


def retried(service: Object, newest: Release) -> bool:
    """Whether the newest release failed and is asked to be tried again (annotation delivery.dev/retry)."""
    return newest.phase is Phase.FAILED and annotations(service).get(names.RETRY) == newest.name


def _rendered(wish: Wish, snapshot: Snapshot) -> dict[str, Any]:
    spec, service = wish.spec, snapshot.service
    whole = (name(service), service["metadata"]["namespace"], spec, snapshot.bundle, snapshot.platform)
    return {
        "image": spec.image,
        **({"revision": spec.codebase.revision} if spec.codebase else {}),
        "content": wish.content,
        "templates": snapshot.bundle.digest,
        "manifests": pack([*render(*whole), *scaling(*whole)]),
        "scaling": asked(spec.processes, snapshot.platform),
    }


def _copied(source: Release, wish: Wish) -> dict[str, Any]:
    """Take everything from the source byte for byte; the Secrets it names hold today's credentials."""
    kept = ("image", "revision", "content", "templates", "manifests", "scaling")
    number = wish.spec.release.rollback_to
    return {"copyOf": number, **{field: source.body["spec"][field] for field in kept if field in source.body["spec"]}}


def changed(
    wish: Wish, snapshot: Snapshot, newest: Release | None, renewed: int | None = None
) -> tuple[Reason, Changes]:
    """Tell why the next release is made, and what somebody changed for it."""
    since = newest.body["metadata"].get("creationTimestamp") if newest else None
    if newest is not None and newest.digest == wish.digest(snapshot) and retried(snapshot.service, newest):
        return Reason.RETRY, Changes((("metadata", "annotations", names.RETRY),), since=since)
    if wish.source:
        return Reason.ROLLBACK, Changes((changes.ROLLBACK,), since=since)
    if renewed:
        return Reason.TEMPLATES_CHANGED, Changes((), since=since)
    back = (changes.ROLLBACK,) if newest and newest.copy_of else ()
    held = references.record(wish.spec, snapshot.referenced, snapshot.platform.bindings)
    before = newest.body["spec"].get("references") or () if newest else held
    found = Changes(
        (*back, *changes.of_spec(newest.content if newest else None, wish.content)),
        changes.of_references(before, held),
        since,
    )
    return found.reason, found

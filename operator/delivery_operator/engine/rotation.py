"""Rotation of Secrets: which pods may still hold an old value, and when none does any more.

What each release saw of a Secret is in its references, as a keyed hash, and every pod carries the number of its
release: nothing else is remembered. The releases that refer to a Secret make a chain; the last link that differs from
the one before it is the rotation, and pods of earlier links may hold an older value. Some of them do not: a container
that was started after the change took the new one, whatever its release. That cannot be seen from outside, so they are
named all the same, and "safe to revoke" is said only when it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from delivery_operator.api.release import Phase, ReferenceKind
from delivery_operator.engine import references
from delivery_operator.engine.history import History, Release
from delivery_operator.engine.objects import labels, name
from delivery_operator.engine.pods import living
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render import names

MOST_PODS: Final = 8
"""Pods that are named; with each that goes the status changes only if it was among them."""


@dataclass(frozen=True)
class _Link:
    """What one release saw of a Secret.

    Attributes:
        release: the newest one also stands for what the Secret holds now, where no release has seen that.
        hash: keyed hash of what is referred to in it.
        uncut: whether no release has seen it.
    """

    release: Release
    hash: str
    uncut: bool = False


def told(snapshot: Snapshot, history: History) -> list[dict[str, Any]]:
    """Say of each rotated Secret how far its new value has come, until a release after the one that brought it."""
    newest = history.newest
    seen = _secrets(newest.body["spec"].get("references")) if newest else {}
    if newest is None or not seen:
        return []
    now = (
        _secrets(references.hashes(newest.spec, snapshot.referenced, snapshot.platform.bindings)) if newest.spec else {}
    )
    rotated = []
    for secret in sorted(seen):
        links = (
            _Link(each, _secrets(each.body["spec"].get("references")).get(secret, "")) for each in history.releases
        )
        chain = [link for link in links if link.hash]
        if now.get(secret, seen[secret]) != seen[secret]:
            chain.append(_Link(newest, now[secret], uncut=True))
        rotated.append(_of_secret(secret, chain, snapshot, history))
    return [each for each in rotated if each]


def _of_secret(secret: str, chain: Sequence[_Link], snapshot: Snapshot, history: History) -> dict[str, Any] | None:
    changed = [link for before, link in pairwise(chain) if _differ(secret, snapshot, before, link)]
    if not changed:
        return None
    first, newest = changed[-1], history.releases[-1]
    since = first.release.number + first.uncut
    served = next((each for each in history.releases if each.number >= since and each.served), None)
    holders = _holders(chain, snapshot, history, since)
    if served is not None and served is not newest and not holders:
        return None  # it was told while the release that brought it was the newest
    return {
        "secret": secret,
        **({} if first.uncut else {"release": first.release.name}),
        **({"pods": holders[:MOST_PODS]} if holders else {}),
        **({"morePods": True} if len(holders) > MOST_PODS else {}),
        "safeToRevoke": served is not None and not holders,
        "message": _message(first, newest, served, holders),
    }


def _message(first: _Link, newest: Release, served: Release | None, holders: Sequence[str]) -> str:
    if first.uncut:
        return "no release is made with the new value yet, the condition Ready says why; keep the old credential valid"
    if served is None and newest.phase is Phase.FAILED:
        return (
            f"release {newest.name} failed, and what serves may hold the old value; keep the old credential valid, and "
            "mend what the release failed of"
        )
    if holders or served is None:
        return "pods of older releases may hold the old value; keep the old credential valid until they are gone"
    return "no pod holds an older value: the old credential may be revoked"


def _differ(secret: str, snapshot: Snapshot, before: _Link, after: _Link) -> bool:
    """Whether the value changed, and not only what of it is referred to."""
    if before.hash == after.hash:
        return False
    old, new = before.release, after.release
    return old.content == new.content or _keys(secret, snapshot, old) == _keys(secret, snapshot, new)


def _keys(secret: str, snapshot: Snapshot, release: Release) -> frozenset[str | None] | None:
    if release.spec is None:
        return None
    uses = references.uses(release.spec, snapshot.platform.bindings)
    return frozenset(use.key for use in uses if use.reference == (ReferenceKind.SECRET, secret))


def _holders(chain: Sequence[_Link], snapshot: Snapshot, history: History, since: int) -> list[str]:
    """Name the pods of releases before a number that refer to the Secret, or of which that is not known any more."""
    beside = {release.number for release in history.releases} - {link.release.number for link in chain}
    numbers = {name(pod): labels(pod).get(names.RELEASE, "") for pod in living(snapshot.pods)}
    return sorted(
        pod for pod, number in numbers.items() if number.isdigit() and int(number) < since and int(number) not in beside
    )


def _secrets(seen: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Name of each Secret among the references of a release, to its keyed hash."""
    return {each["name"]: each["hash"] for each in seen or () if each["kind"] == ReferenceKind.SECRET}

"""What changes between two versions of an object, field by field, as people name fields."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MISSING: Final = object()
"""Stands for a field that is not there."""

_KEYS: Final = ("name", "containerPort", "mountPath", "port", "type", "key", "topologyKey")
"""Fields that tell the items of a list apart, as the API server's own merge keys do."""
_SERVERS: Final = frozenset(
    {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "ownerReferences", "selfLink"}
)


@dataclass(frozen=True)
class Change:
    """One field that is added, removed or changed; the side on which it is not there has MISSING."""

    path: str
    before: Any
    after: Any


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Compare two objects; what the API server keeps for itself, and status, are left out."""
    return list(_mapping("", _users(before), _users(after)))


def _users(body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in body.get("metadata", {}).items() if name not in _SERVERS}
    return {**{name: value for name, value in body.items() if name != "status"}, "metadata": metadata}


def _values(path: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _mapping(path, before, after)
    elif _keyed(before) and _keyed(after):
        yield from _mapping(path, _by_key(before), _by_key(after), "[{}]")
    elif isinstance(before, Mapping) and after is MISSING:
        yield from _mapping(path, before, {})
    elif isinstance(after, Mapping) and before is MISSING:
        yield from _mapping(path, {}, after)
    elif _keyed(before) and after is MISSING:
        yield from _mapping(path, _by_key(before), {}, "[{}]")
    elif _keyed(after) and before is MISSING:
        yield from _mapping(path, {}, _by_key(after), "[{}]")
    else:
        yield Change(path, before, after)


def _mapping(path: str, before: Mapping[str, Any], after: Mapping[str, Any], form: str = ".{}") -> Iterator[Change]:
    if not before and not after:
        return
    for name in dict.fromkeys((*before, *after)):
        part = f"[{name}]" if form == ".{}" and "." in name else form.format(name)
        yield from _values(f"{path}{part}".removeprefix("."), before.get(name, MISSING), after.get(name, MISSING))


def _keyed(value: Any) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return False
    return _key(value) is not None


def _key(items: Sequence[Any]) -> str | None:
    """Return the field that every item has, each with another value; None when there is none."""
    if not all(isinstance(item, Mapping) for item in items):
        return None
    for name in _KEYS:
        values = [item.get(name) for item in items]
        if all(isinstance(value, str | int) for value in values) and len(set(values)) == len(values):
            return name
    return None


def _by_key(items: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    name = _key(items) or _KEYS[0]
    return {str(item[name]): item for item in items}

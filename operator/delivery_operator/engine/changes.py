"""What makes a release another one than the one before it, and why it is made (F5-2).

Fields are named by their path in the DeliveryService, Secrets and ConfigMaps by name and key: never a value.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.api.cause import FIRST
from delivery_operator.api.release import Reason, ReferenceKind

FIELDS_LIMIT: Final = 32
"""Paths and objects that a release names; of more it has the number."""
_PATH_LIMIT: Final = 200
_SPEC: Final = (FIRST,)
ROLLBACK: Final = (*_SPEC, "release", "rollbackTo")
_CONFIG: Final = frozenset({"config", "configFrom", "backingServices"})

Path = tuple[str, ...]
"""Where a field is: the names of fields, and "[name]" for an item of a list."""
References = Sequence[Mapping[str, Any]]
"""What a release's spec.references has."""


@dataclass(frozen=True)
class Changes:
    """What somebody changed.

    Attributes:
        fields: of the DeliveryService.
        references: Secrets and ConfigMaps, as spec.changes.references of a release has them.
        since: when the release before was made; None for the first one.
    """

    fields: tuple[Path, ...]
    references: tuple[dict[str, Any], ...] = ()
    since: str | None = None

    @property
    def reason(self) -> Reason:
        """Why a release is made of them: the code first, then its config."""
        if (*_SPEC, "image") in self.fields:
            return Reason.IMAGE_CHANGED
        if self.fields:
            of_config = all(len(path) > 1 and path[1] in _CONFIG for path in self.fields)
            return Reason.CONFIG_CHANGED if of_config else Reason.SPEC_CHANGED
        of_secrets = self.references and all(each["kind"] == ReferenceKind.SECRET for each in self.references)
        return Reason.SECRET_ROTATED if of_secrets else Reason.CONFIG_CHANGED

    def told(self) -> dict[str, Any]:
        """As spec.changes of a release."""
        fields = [written(path) for path in self.fields]
        references = list(self.references)
        omitted = max(0, len(fields) - FIELDS_LIMIT) + max(0, len(references) - FIELDS_LIMIT)
        found = {
            "fields": fields[:FIELDS_LIMIT],
            "references": references[:FIELDS_LIMIT],
            "omitted": omitted,
        }
        return {name: value for name, value in found.items() if value}


def of_spec(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[Path, ...]:
    """List the fields in which two contents of releases differ; of a field that came or went, the whole of it.

    Args:
        before: the content of the release before; None when there is none.
        after: the content of the release that is made.
    """
    return (_SPEC,) if before is None else tuple(_paths(before, after, _SPEC))


def of_references(before: References, after: References) -> tuple[dict[str, Any], ...]:
    """List the Secrets and ConfigMaps that hold something else than before, with the keys where they are known."""
    old, new = ({(each["kind"], each["name"]): each for each in held} for held in (before, after))
    changed = [place for place in sorted({*old, *new}) if _hash(old.get(place)) != _hash(new.get(place))]
    return tuple(
        {"kind": kind, "name": name, **({"keys": keys} if (keys := _keys(old, new, (kind, name))) else {})}
        for kind, name in changed
    )


def written(path: Path) -> str:
    """A path as people write it, e.g. spec.backingServices[db].version."""
    steps = (each if each.startswith("[") else f".{each}" if "." not in each else f"[{each}]" for each in path)
    return "".join(steps).removeprefix(".")[:_PATH_LIMIT]


def _paths(before: Any, after: Any, path: Path) -> Iterator[Path]:
    if before == after:
        return
    old, new = _by_name(before), _by_name(after)
    if old is None or new is None:
        yield path
        return
    for step in sorted({*old, *new}):
        yield from _paths(old.get(step), new.get(step), (*path, step))


def _by_name(value: Any) -> Mapping[str, Any] | None:
    """What can be compared piece by piece: a mapping, or a list whose items have names."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(each, dict) and "name" in each for each in value):
        return {f"[{each['name']}]": each for each in value}
    return None


def _hash(reference: Mapping[str, Any] | None) -> str | None:
    return reference["hash"] if reference else None


def _keys(
    old: Mapping[tuple[str, str], Mapping[str, Any]],
    new: Mapping[tuple[str, str], Mapping[str, Any]],
    place: tuple[str, str],
) -> list[str]:
    before, after = ((held.get(place) or {"keys": {}}).get("keys") for held in (old, new))
    if before is None or after is None:
        return []
    return sorted(key for key in {*before, *after} if before.get(key) != after.get(key))

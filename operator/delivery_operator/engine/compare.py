"""Whether a live object still has the fields that were applied to it (drift, invariant 7).

Only our fields count: what the API server defaulted or another manager added is not a difference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from delivery_operator.engine.objects import Object

WHOLE_LISTS: Final = frozenset(
    {
        "GRPCRoute",
        "HTTPRoute",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "ScaledObject",
    }
)
"""Kinds whose spec has only atomic lists: whoever applies one owns it whole, so that an entry more is a difference."""

_WHOLE_MAPS: Final = frozenset({"selector", "matchLabels"})
"""Fields that are one value as well: a label more in a selector selects other pods."""


@dataclass(frozen=True)
class Item:
    """One entry of a list, as a step of a path.

    Attributes:
        label: its name, or else its index.
        wanted: what it should be; tells it apart from others.
    """

    label: str
    wanted: Mapping[str, Any] = field(compare=False)


Path = tuple[str | Item, ...]
"""Where a field is in an object."""


def differences(wanted: Object, live: Object) -> Iterator[Path]:
    """Yield the path of each field of `wanted` that `live` lacks or has another value for."""
    if wanted.get("kind") in WHOLE_LISTS:
        rest = {name: value for name, value in wanted.items() if name != "spec"}
        yield from _differences(rest, live, ())
        yield from _differences(wanted["spec"], live.get("spec"), ("spec",), whole=True)
    else:
        yield from _differences(wanted, live, ())


def same(wanted: Object, live: Object) -> bool:
    """Whether `live` has every field of `wanted`."""
    return next(differences(wanted, live), None) is None


def written(path: Path) -> str:
    """A path as people write it, e.g. spec.template.spec.containers[main].image."""
    steps = (
        f"[{step.label}]" if isinstance(step, Item) else f"[{step}]" if "." in step else f".{step}" for step in path
    )
    return "".join(steps).removeprefix(".")


def _differences(wanted: Any, live: Any, path: Path, *, whole: bool = False) -> Iterator[Path]:
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            if wanted or live is not None:  # an empty mapping and none are the same to the API server
                yield path
            return
        for key, value in wanted.items():
            found = live.get(key)
            if value != found:  # most are equal, and one comparison tells
                yield from _differences(value, found, (*path, key), whole=whole)
        if path and path[-1] in _WHOLE_MAPS and len(live) > len(wanted):
            yield path
    elif isinstance(wanted, list):
        yield from (_whole_list_differences if whole else _list_differences)(wanted, live, path)
    elif wanted != live:
        yield path


def _whole_list_differences(wanted: list[Any], live: Any, path: Path) -> Iterator[Path]:
    if len(wanted) != len(live or ()):
        yield path
    else:
        for index, (item, found) in enumerate(zip(wanted, live or (), strict=True)):
            step = Item(str(index), item if isinstance(item, dict) else {})
            yield from _differences(item, found, (*path, step), whole=True)


def _list_differences(wanted: list[Any], live: Any, path: Path) -> Iterator[Path]:
    if not wanted and live is None:
        return
    if not isinstance(live, list):
        yield path
    elif not all(isinstance(each, dict) for each in wanted):
        yield path  # equal ones have been passed over
    else:
        for index, item in enumerate(wanted):
            # Lists of objects are maps with keys (containers by name, ports by number): others may have added items.
            step = Item(str(item.get("name", index)), item)
            named = [each for each in live if isinstance(each, dict) and each.get("name") == item.get("name")]
            if "name" in item and len(named) == 1:
                yield from _differences(item, named[0], (*path, step))
            elif not any(next(_differences(item, each, ()), None) is None for each in live):
                yield (*path, step)

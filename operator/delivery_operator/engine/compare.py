"""Whether a live object still has the fields that were applied to it (drift, invariant 7).

Only our fields count: what the API server defaulted or another manager added is not a difference.
"""

from collections.abc import Iterator
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


def differences(wanted: Object, live: Object) -> Iterator[str]:
    """Yield the path of each field of `wanted` that `live` lacks or has another value for."""
    if wanted.get("kind") in WHOLE_LISTS:
        rest = {name: value for name, value in wanted.items() if name != "spec"}
        yield from _differences(rest, live, "")
        yield from _differences(wanted["spec"], live.get("spec"), "spec", whole=True)
    else:
        yield from _differences(wanted, live, "")


def same(wanted: Object, live: Object) -> bool:
    """Whether `live` has every field of `wanted`."""
    return next(differences(wanted, live), None) is None


def _differences(wanted: Any, live: Any, path: str, *, whole: bool = False) -> Iterator[str]:
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            if wanted or live is not None:  # an empty mapping and none are the same to the API server
                yield path
            return
        for key, value in wanted.items():
            yield from _differences(value, live.get(key), f"{path}.{key}" if path else key, whole=whole)
    elif isinstance(wanted, list):
        yield from (_whole_list_differences if whole else _list_differences)(wanted, live, path)
    elif wanted != live:
        yield path


def _whole_list_differences(wanted: list[Any], live: Any, path: str) -> Iterator[str]:
    if len(wanted) != len(live or ()):
        yield path
    else:
        for index, (item, found) in enumerate(zip(wanted, live or (), strict=True)):
            yield from _differences(item, found, f"{path}[{index}]", whole=True)


def _list_differences(wanted: list[Any], live: Any, path: str) -> Iterator[str]:
    if not wanted and live is None:
        return
    if not isinstance(live, list):
        yield path
    elif not all(isinstance(each, dict) for each in wanted):
        if wanted != live:
            yield path
    else:
        for index, item in enumerate(wanted):
            # Lists of objects are maps with keys (containers by name, ports by number): others may have added items.
            named = [each for each in live if isinstance(each, dict) and each.get("name") == item.get("name")]
            if "name" in item and len(named) == 1:
                yield from _differences(item, named[0], f"{path}[{item['name']}]")
            elif not any(next(_differences(item, each, ""), None) is None for each in live):
                yield f"{path}[{item.get('name', index)}]"

"""Walks the fields of the API's models, and finds where two sets of manifests differ."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from delivery_operator.render.manifests import Manifest

_PLACES: Final = (
    ("spec.jobTemplate.spec.template.", "pod."),
    ("spec.template.", "pod."),
    ("pod.spec.containers[order]", "container"),
    ("pod.spec.containers[migrator]", "container"),
    ("pod.spec.containers[contract]", "container"),
    ("pod.spec.containers[task]", "container"),
)
"""Long paths and what stands for them in a test."""


def fields(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Yield every field of a model that holds a value and not another model; `*` stands for any key or index."""
    for name, field in model.model_fields.items():
        here = f"{path}{field.alias or name}"
        inner, depth = _model(field.annotation)
        if inner is None:
            yield here
        else:
            yield from fields(inner, f"{here}{'.*' * depth}.")


def matches(field: str, path: str) -> bool:
    """Whether a path such as processes.web.port is one of a field such as processes.*.port."""
    wanted, given = field.split("."), path.split(".")
    return len(wanted) == len(given) and all(one in {"*", other} for one, other in zip(wanted, given, strict=True))


def with_value(tree: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """Copy a spec with one field set; keys of mappings and indexes of lists are steps of the path."""
    copy: Any = deepcopy(dict(tree))
    *steps, last = path.split(".")
    place = copy
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    place[last] = value
    return dict(copy)


def places(before: Sequence[Manifest], after: Sequence[Manifest]) -> set[str]:
    """Where two sets of manifests differ: a whole child, or a child and a path in it."""
    old, new = ({f"{each['kind']} {each['metadata']['name']}": each for each in side} for side in (before, after))
    found = set(old.keys() ^ new.keys())
    for child in old.keys() & new.keys():
        found |= {f"{child}: {_short(path)}" for path in _differences(old[child], new[child], "")}
    return found


def _model(annotation: Any) -> tuple[type[BaseModel] | None, int]:
    """Find the model in a field's type, and how many keys or indexes lead to it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, 0
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        return next((found for each in arguments if (found := _model(each))[0]), (None, 0))
    if origin in {list, dict}:
        inner, depth = _model(arguments[-1])
        return inner, depth + 1
    return None, 0


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            here = f"{path}.{key}" if path else key
            if (key in old) != (key in new):
                yield here
            elif key in old:
                yield from _differences(old[key], new[key], here)
    elif _listing(old) and _listing(new):
        yield from _differences_by_name(_by_name(old), _by_name(new), path)
    elif old != new:
        yield path


def _differences_by_name(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[str]:
    for key in old.keys() | new.keys():
        if (key in old) != (key in new):
            yield f"{path}[{key}]"
        else:
            yield from _differences(old[key], new[key], f"{path}[{key}]")


def _listing(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _by_name(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(each.get("name", index)): each for index, each in enumerate(items)}


def _short(path: str) -> str:
    for long, short in _PLACES:
        path = path.replace(long, short)
    return path

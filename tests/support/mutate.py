"""Random changes to an object, most of them wrong: what a person, a template or a merge may leave behind."""

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]
Strategy = st.SearchStrategy[Any]

# Not changed: a namespace other than the request's is refused by the request's path, not by admission.
LEFT_ALONE: frozenset[Path] = frozenset({("metadata", "namespace")})

NUMBERS = (0, 1, -1, 3.0, 1.5, -0.5, 300, 301, 1000, 1001, 65535, 65536, 2**31 - 1, 2**31, 2**63, -(2**63) - 1, 1e20)
TEXTS = (
    "",
    " ",
    "\n",
    "x\n",
    "Ä",
    "\u00a0",
    "\u2028",
    "0",
    "1.5",
    "true",
    "null",
    "latest",
    "order:latest",
    "a b",
    "-a",
    "a-",
    "A",
    "a.b",
    "a/b",
    "a/b/c",
    "a" * 20,
    "a" * 21,
    "a" * 40,
    "a" * 41,
    "a" * 63,
    "a" * 64,
    "a" * 254,
    "é" * 300,
    "://u:p@h",
    "https://user@example.com/x:y@z",
    "v1.2",
    "v1.2.3",
    "0123456",
    "100m",
    "1e3",
)
NAMES = (*TEXTS, "extra", "value", "name", "metadata", "PORT", "API_TOKEN", "service", "__proto__", "status")
OTHERS: tuple[Any, ...] = (
    None,
    True,
    False,
    [],
    {},
    [None],
    {"a": None},
    [[]],
    [{"a": 1}],
    {"a": {"b": 1}},
    ["a", "a"],
)
ANYTHING: Strategy = st.sampled_from([*NUMBERS, *TEXTS, *OTHERS]).map(deepcopy)


METADATA: Strategy = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.just({"app.kubernetes.io/part-of": "shop", "team": ""}),
        "annotations": st.just({"example.com/Owner": "a person", "note": "x"}),
        "finalizers": st.just(["example.com/guard", "orphan"]),
        "ownerReferences": st.just(
            [{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u", "controller": True}]
        ),
        "generateName": st.just("order-"),
        "creationTimestamp": st.sampled_from([None, "2026-01-02T03:04:05Z"]),
        "generation": st.just(1),
    },
)
"""What metadata may hold beside a name and a namespace."""


@st.composite
def mutated(draw: st.DrawFn, objects: Strategy, at_most: int = 3) -> Any:
    """An object of a strategy with one to a few changes at random places."""
    body = deepcopy(draw(objects))
    body["metadata"].update(deepcopy(draw(METADATA)))
    for _ in range(draw(st.integers(1, at_most))):
        # Deep places are many: choose by a seed, or Hypothesis would keep to the first ones.
        chance = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311 it chooses a place in a test
        _change(draw, body, chance.choice(sorted(_places(body), key=repr)))
    return body


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of everything inside of a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        if (*path, name) not in LEFT_ALONE:
            yield (*path, name)
            yield from _places(each, (*path, name))


def _change(draw: st.DrawFn, body: Any, path: Path) -> None:
    holder = body
    for name in path[:-1]:
        holder = holder[name]
    last = path[-1]
    found = holder[last]
    options = ["replace", "remove", "tweak"]
    if isinstance(holder, dict):
        options += ["rename", "beside"]
    if isinstance(holder, list):
        options += ["repeat", "repeat"]
    match draw(st.sampled_from(options)):
        case "replace":
            holder[last] = draw(ANYTHING)
        case "remove":
            del holder[last]
        case "tweak":
            holder[last] = _tweaked(draw, found)
        case "rename":
            holder[draw(st.sampled_from(NAMES))] = holder.pop(last)
        case "beside":
            holder[draw(st.sampled_from(NAMES))] = draw(ANYTHING)
        case "repeat":
            holder.insert(draw(st.integers(0, len(holder))), deepcopy(found))


def _tweaked(draw: st.DrawFn, value: Any) -> Any:
    """A value of the same type, and near."""
    match value:
        case bool():
            return not value
        case int() | float():
            return draw(st.sampled_from([value + 1, value - 1, -value, value * 1000, float(value), *NUMBERS]))
        case str():
            added = draw(st.sampled_from(TEXTS))
            return draw(st.sampled_from([value + added, added + value, value.upper(), value[:-1], value * 50]))
        case list():
            return draw(st.sampled_from([value[::-1], value * 2, value[1:], value * 70, [*value, None]]))
        case dict():
            extra = {f"k{index}": deepcopy(next(iter(value.values()), 1)) for index in range(130)}
            return draw(st.sampled_from([{}, {**value, **extra}, dict(list(value.items())[1:])]))
        case _:
            return draw(ANYTHING)

"""Random valid objects of this API, out of the CRDs: a field that a model gains is generated without a change here.

Strings come from their patterns, or from those that a rule asks for; numbers from their range. An object that breaks a
rule loses optional fields, entries or items until it keeps it; one that cannot is thrown away.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from delivery_operator.admission.prepare import drop_nulls, fill_defaults
from delivery_operator.admission.rules import RULES, root_problems, rule_problems
from delivery_operator.api.base import API_VERSION
from delivery_operator.api.crd import DEFINITIONS, crd

Object = dict[str, Any]
Schema = Mapping[str, Any]
Strategy = st.SearchStrategy[Any]

AT_MOST = 3
"""Entries of a map and items of a list, unless the schema asks for more."""

_MATCHES = re.compile(r"(?<![!\w\].])(\w+)\.matches\('((?:[^'\\]|\\.)*)'\)")
_TEXT = st.characters(codec="utf-8", exclude_characters="\0")
_NAME = re.compile("[a-z]([-a-z0-9]{0,12}[a-z0-9])?", re.ASCII)


def schema_of(kind: str) -> Schema:
    """The schema of a kind, status left out: it is not for users to write."""
    (found,) = [crd(each) for each in DEFINITIONS if each.kind == kind]
    root = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return {**root, "properties": {name: each for name, each in root["properties"].items() if name != "status"}}


def objects(kind: str, namespace: str | None = None) -> Strategy:
    """Valid objects of a kind, in a namespace where the kind has one."""
    schema = schema_of(kind)

    def whole(name: str, spec: Object) -> Object:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}

    specs = values(schema["properties"]["spec"])
    built = st.builds(whole, st.from_regex(_NAME, fullmatch=True), specs)
    return built.filter(lambda body: not root_problems(_complete(body, schema), schema))


def values(schema: Schema) -> Strategy:
    """Values that a schema and its rules allow."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = "map" if "additionalProperties" in schema else schema["type"]
    return _BUILDERS[kind](schema)


def _integers(schema: Schema) -> Strategy:
    return st.integers(schema.get("minimum", -(2**31)), schema.get("maximum", 2**31 - 1))


def _numbers(schema: Schema) -> Strategy:
    return st.floats(schema.get("minimum"), schema.get("maximum"), allow_nan=False, allow_infinity=False)


def _strings(schema: Schema) -> Strategy:
    low, high = schema.get("minLength", 0), schema.get("maxLength", 256)
    wanted = [schema["pattern"]] if "pattern" in schema else _asked(schema, "self")
    texts = (
        st.one_of([_matching(each) for each in wanted]) if wanted else st.text(_TEXT, min_size=low, max_size=low + 20)
    )
    return texts.filter(lambda text: low <= len(text) <= high).filter(lambda text: _keeps(text, schema))


def _arrays(schema: Schema) -> Strategy:
    low = schema.get("minItems", 0)
    most = max(low, min(schema.get("maxItems", AT_MOST), AT_MOST))
    unique: Callable[[Any], Any] | None = None
    match schema.get("x-kubernetes-list-type"):
        case "set":
            unique = repr
        case "map":
            keys = schema["x-kubernetes-list-map-keys"]
            unique = lambda item: repr([item.get(key) for key in keys])  # noqa: E731 one of two
    items = values(schema["items"]).filter(lambda item: low > 1 or _keeps([item], schema))
    return _settled(st.lists(items, min_size=low, max_size=most, unique_by=unique), schema, low, _without_items)


def _maps(schema: Schema) -> Strategy:
    low = schema.get("minProperties", 0)
    most = max(low, min(schema.get("maxProperties", AT_MOST), AT_MOST))
    wanted = _asked(schema, "k")
    keys = st.one_of([_matching(each) for each in wanted]) if wanted else st.from_regex(_NAME, fullmatch=True)
    inner = schema["additionalProperties"]
    entries = st.tuples(keys, values(inner)).filter(lambda entry: low > 1 or _keeps(dict([entry]), schema))
    maps = st.lists(entries, min_size=low, max_size=most, unique_by=lambda entry: entry[0]).map(dict)
    return _settled(maps, schema, low, _without_entries)


def _structures(schema: Schema) -> Strategy:
    required = set(schema.get("required", ()))
    fields = {name: values(each) for name, each in schema.get("properties", {}).items()}
    structures = st.fixed_dictionaries(
        {name: each for name, each in fields.items() if name in required},
        optional={name: each for name, each in fields.items() if name not in required},
    )

    def without(value: Object) -> Iterable[Object]:
        return (
            {name: each for name, each in value.items() if name != dropped}
            for dropped in value
            if dropped not in required
        )

    return _settled(structures, schema, len(required), without)


def _settled(found: Strategy, schema: Schema, low: int, smaller: Callable[[Any], Iterable[Any]]) -> Strategy:
    """Make each value smaller until it keeps the schema's rules."""
    if RULES not in schema:
        return found

    def settle(value: Any) -> Any:
        while not _keeps(value, schema) and len(value) > low:
            options = list(smaller(value))
            if not options:
                break
            value = next((each for each in options if _keeps(each, schema)), options[-1])
        return value

    return found.map(settle).filter(lambda value: _keeps(value, schema))


def _without_items(value: list[Any]) -> Iterable[list[Any]]:
    return (value[:index] + value[index + 1 :] for index in range(len(value)))


def _without_entries(value: Object) -> Iterable[Object]:
    return ({name: each for name, each in value.items() if name != dropped} for dropped in value)


def _keeps(value: Any, schema: Schema) -> bool:
    """Whether the schema's own rules hold; those inside of it held when the parts were made."""
    if RULES not in schema:
        return True
    return not any(rule_problems(_complete(value, schema), _shallow(schema)))


def _shallow(schema: Schema) -> Schema:
    """The schema with its own rules alone."""
    return {**_bare({name: each for name, each in schema.items() if name != RULES}), RULES: schema[RULES]}


def _bare(schema: Schema) -> Schema:
    bare = {name: each for name, each in schema.items() if name != RULES}
    for inner in ("items", "additionalProperties"):
        if isinstance(bare.get(inner), dict):
            bare[inner] = _bare(bare[inner])
    if "properties" in bare:
        bare["properties"] = {name: _bare(each) for name, each in bare["properties"].items()}
    return bare


def _complete(value: Any, schema: Schema) -> Any:
    copy = deepcopy(value)
    drop_nulls(copy, schema)
    fill_defaults(copy, schema)
    return copy


def _asked(schema: Schema, subject: str) -> list[str]:
    """The patterns that a rule asks a value, or the keys of a map, to match."""
    found = [each for rule in schema.get(RULES, ()) for each in _MATCHES.findall(rule["rule"])]
    return [text.replace("\\\\", "\\") for name, text in found if name == subject]


def _matching(pattern: str) -> Strategy:
    """Texts that match; `$` is the very end, and classes are ASCII, as in RE2."""
    anchored = pattern.startswith("^") and pattern.endswith("$")
    return st.from_regex(re.compile(pattern.removeprefix("^").removesuffix("$"), re.ASCII), fullmatch=anchored)


_BUILDERS: Mapping[str, Callable[[Schema], Strategy]] = {
    "array": _arrays,
    "boolean": lambda _: st.booleans(),
    "integer": _integers,
    "map": _maps,
    "number": _numbers,
    "object": _structures,
    "string": _strings,
}

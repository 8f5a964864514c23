"""Random valid objects of this API, out of the CRDs: a field that a model gains is generated without a change here.

Strings come from their patterns, or from those that a rule asks for; numbers from their range. An object that breaks a
rule loses optional fields that the rule mentions until it keeps it; one that cannot is thrown away.
"""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from ipaddress import ip_network
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from delivery_operator.admission.prepare import drop_nulls, fill_defaults
from delivery_operator.admission.rules import RULES, own_problems, root_problems
from delivery_operator.api.base import API_VERSION
from delivery_operator.api.crd import DEFINITIONS, crd
from delivery_operator.api.scalars import IMAGE_DIGEST, IMAGE_NAME, IMAGE_PATH, IMAGE_TAG

Object = dict[str, Any]
Schema = Mapping[str, Any]
Strategy = st.SearchStrategy[Any]

AT_MOST = 3
"""Entries of a map and items of a list, unless the schema asks for more."""

KNOWN: Mapping[str, Strategy] = {
    "timeZone": st.sampled_from(["Etc/UTC", "Europe/Berlin", "America/Argentina/Ushuaia"]),
    "cidr": st.tuples(st.ip_addresses(), st.integers(0, 32)).map(lambda pair: str(ip_network(pair, strict=False))),
}
"""Fields whose values no pattern describes."""

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
    if _plain(IMAGE_NAME) in wanted:
        texts = _images()
    elif wanted:
        texts = st.one_of([_matching(each) for each in wanted])
    else:
        texts = st.text(_TEXT, min_size=low, max_size=low + 20)
    return texts.filter(lambda text: low <= len(text) <= high).filter(lambda text: _broken(text, schema) is None)


def _images() -> Strategy:
    """Names with a tag or a digest: what matches one of the patterns by chance hardly ever matches the others."""
    names = _matching(f"^{_plain(IMAGE_PATH)}$")
    ends = st.one_of(_matching(f"^{IMAGE_TAG}$"), _matching(f"^{IMAGE_DIGEST}$"))
    return st.builds(str.__add__, names, ends)


def _arrays(schema: Schema) -> Strategy:
    low, most = _bounds(schema, "Items")
    keys = schema.get("x-kubernetes-list-map-keys", ())

    def identity(item: Any) -> str:
        return repr([item.get(key) for key in keys] if keys else item)

    is_unique = schema.get("x-kubernetes-list-type") in {"map", "set"}
    lists = st.lists(values(schema["items"]), min_size=low, max_size=most, unique_by=identity if is_unique else None)
    return lists.filter(lambda value: _broken(value, schema) is None)


def _maps(schema: Schema) -> Strategy:
    low, most = _bounds(schema, "Properties")
    wanted = _asked(schema, "k")
    keys = st.one_of([_matching(each) for each in wanted]) if wanted else st.from_regex(_NAME, fullmatch=True)
    entries = st.tuples(keys, values(schema["additionalProperties"]))
    # Most rules of maps are about each entry: a map whose entries keep them one by one mostly keeps them.
    single = entries.filter(lambda entry: low > 1 or _broken(dict([entry]), schema) is None)
    maps = st.lists(single, min_size=low, max_size=most, unique_by=lambda entry: entry[0]).map(dict)
    return maps.filter(lambda value: _broken(value, schema) is None)


def _structures(schema: Schema) -> Strategy:
    fields = {name: KNOWN.get(name, values(each)) for name, each in schema.get("properties", {}).items()}
    required = schema.get("required", ())
    structures = st.fixed_dictionaries(
        {name: fields[name] for name in required},
        optional={name: each for name, each in fields.items() if name not in required},
    )
    return _settled(structures, schema) if RULES in schema else structures


def _settled(structures: Strategy, schema: Schema) -> Strategy:
    # Without arguments, or Hypothesis would print the whole schema for each draw that it retries.
    @st.composite
    def structure(draw: st.DrawFn) -> Object:
        value: Object = draw(structures)
        while (rule := _broken(value, schema)) is not None:
            optional = value.keys() - set(schema.get("required", ()))
            mentioned = [name for name in dict.fromkeys(re.findall(r"\w+", rule["rule"])) if name in optional]
            if not mentioned:
                reject()
            value = _without(draw, value, schema, mentioned)
        return value

    return structure()


def _without(draw: st.DrawFn, value: Object, schema: Schema, mentioned: list[str]) -> Object:
    """The value without some of the fields that a broken rule mentions: the others of one, or the one itself."""
    kept = draw(st.sampled_from(mentioned))
    others = {name: each for name, each in value.items() if name == kept or name not in mentioned}
    if len(mentioned) > 1 and _broken(others, schema) is None:
        return others
    return {name: each for name, each in value.items() if name != kept}


def _bounds(schema: Schema, what: str) -> tuple[int, int]:
    low = schema.get(f"min{what}", 0)
    return low, max(low, min(schema.get(f"max{what}", AT_MOST), AT_MOST))


def _broken(value: Any, schema: Schema) -> Mapping[str, Any] | None:
    """The first of the schema's own rules that a value breaks; those inside of it held when its parts were made."""
    if RULES not in schema:
        return None
    complete = _complete(value, schema)
    return next((rule for rule in schema[RULES] if any(own_problems(complete, {**schema, RULES: [rule]}))), None)


def _complete(value: Any, schema: Schema) -> Any:
    copy = deepcopy(value)
    drop_nulls(copy, schema)
    fill_defaults(copy, schema)
    return copy


def _asked(schema: Schema, subject: str) -> list[str]:
    """The patterns that a rule asks a value, or the keys of a map, to match."""
    found = [each for rule in schema.get(RULES, ()) for each in _MATCHES.findall(rule["rule"])]
    return [_plain(text) for name, text in found if name == subject]


def _plain(text: str) -> str:
    """A pattern out of a CEL string, where backslashes are doubled."""
    return text.replace("\\\\", "\\")


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

"""The fields of each kind, from its CustomResourceDefinition: what `kubectl explain` shows, and the rules beside it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from delivery_operator.api.crd import Definition, crd
from docs.markdown import code, page, prose, table

Schema = Mapping[str, Any]

REFUSED: Final = "Refused by the API server, with this message, where the rule does not hold:"

READABLE: Final = 100
"""Characters of a pattern that a person still reads."""

_RULES: Final = "x-kubernetes-validations"
_KEYS: Final = "x-kubernetes-list-map-keys"
_FREE: Final = "x-kubernetes-preserve-unknown-fields"


def kind_page(definition: Definition) -> str:
    """The page of one kind."""
    body = crd(definition)
    version = body["spec"]["versions"][0]
    root: Schema = version["schema"]["openAPIV3Schema"]
    names, group = body["spec"]["names"], body["spec"]["group"]
    scope = "in a namespace" if body["spec"]["scope"] == "Namespaced" else "in no namespace: one for the whole cluster"
    facts = [
        ("apiVersion", code(f"{group}/{version['name']}")),
        ("kind", code(definition.kind)),
        ("kubectl", ", ".join(code(name) for name in (names["plural"], *names["shortNames"]))),
        ("lives", scope),
    ]
    parts = [prose(root["description"]), table(("", ""), facts), *_rules(root)]
    for name in ("spec", "status"):
        parts += _sections(name, root["properties"][name])
    return page(definition.kind, "operator/delivery_operator/api", *parts)


def _sections(path: str, schema: Schema) -> Iterator[str]:
    """The section of one object, then those of the objects in it, in the order of its fields."""
    depth = "##" if path in {"spec", "status"} else "###"
    yield f"{depth} {path.replace('*', chr(92) + '*')} {{ #{_anchor(path)} }}"
    yield prose(schema.get("description", ""))
    required = set(schema.get("required", ()))
    rows = [_row(path, name, each, required=name in required) for name, each in schema["properties"].items()]
    yield table(("field", "type", "default", ""), rows)
    yield from _rules(schema)
    for name, each in schema["properties"].items():
        yield from _field_rules(name, each)
    for name, each in schema["properties"].items():
        step, inner = _object(each)
        if inner is not None:
            yield from _sections(f"{path}.{name}{step}", inner)


def _row(path: str, name: str, schema: Schema, *, required: bool) -> tuple[str, str, str, str]:
    step, inner = _object(schema)
    field = code(name) if inner is None else f"[{code(name)}](#{_anchor(f'{path}.{name}{step}')})"
    shape = ", ".join([_type(schema), *(["**required**"] if required else [])])
    default = code(_value(schema["default"])) if "default" in schema else ""
    limits = "; ".join(_limits(schema))
    told = prose(schema.get("description", ""))
    return field, shape, default, f"{told} {f'({limits})' if limits else ''}".strip()


def _object(schema: Schema) -> tuple[str, Schema | None]:
    """The object that a field holds, itself or in a list or map, and how it is reached; None when it holds none."""
    for step, inner in (
        ("", schema),
        ("[]", schema.get("items", {})),
        (".*", schema.get("additionalProperties", {})),
    ):
        if inner.get("properties"):
            return step, inner
    return "", None


def _type(schema: Schema) -> str:
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    if "additionalProperties" in schema:
        return f"map of {_type(schema['additionalProperties'])}"
    if schema.get(_FREE):
        return "any object"
    if schema.get("format") == "date-time":
        return "time"
    return str(schema.get("type", "any"))


def _value(value: Any) -> str:
    """A value as YAML writes it in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return '""' if value == "" else str(value)


def _limits(schema: Schema) -> Iterator[str]:
    if "enum" in schema:
        yield f"one of {', '.join(code(value) for value in schema['enum'])}"
    for least, most, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " entries"),
    ):
        low, high = schema.get(least), schema.get(most)
        if low is not None and high is not None:
            yield f"{low} to {high}{unit}"
        elif high is not None:
            yield f"at most {high}{unit}"
        elif low is not None:
            yield f"at least {low}{unit}"
    if "pattern" in schema:
        pattern = schema["pattern"]
        yield f"matches {code(pattern)}" if len(pattern) <= READABLE else "has a pattern, see `kubectl explain`"
    if keys := schema.get(_KEYS):
        yield f"one entry for each {' and '.join(map(code, keys))}"
    items = schema.get("items") or schema.get("additionalProperties") or {}
    if items and not items.get("properties"):
        yield from (f"each {limit}" for limit in _limits(items))


def _rules(schema: Schema) -> Iterator[str]:
    if rules := schema.get(_RULES):
        yield REFUSED
        yield "\n".join(_rule(rule) for rule in rules)


def _rule(rule: Mapping[str, str]) -> str:
    return f"- {prose(rule['message'])}<br>`{rule['rule']}`"


def _field_rules(name: str, schema: Schema) -> Iterator[str]:
    """The rules of a field whose value has no section of its own to tell them in."""
    inner = schema.get("items") or schema.get("additionalProperties") or {}
    rules = [rule for each in (schema, inner) if not each.get("properties") for rule in each.get(_RULES, ())]
    if rules:
        yield f"{code(name)}: {REFUSED[0].lower()}{REFUSED[1:]}"
        yield "\n".join(map(_rule, rules))


def _anchor(path: str) -> str:
    return path.replace("[]", "").replace(".*", "").replace(".", "-").lower()

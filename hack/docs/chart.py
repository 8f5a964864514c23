"""The chart's values, from its values.yaml (names, defaults, comments) and values.schema.json (what is taken)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from docs.markdown import code, page, prose, table

CHART: Final = Path("charts/delivery-operator")
_KEY: Final = re.compile(r"^(?P<indent> *)(?P<name>[A-Za-z][A-Za-z0-9]*):(?P<value>.*)$")


def values_page(root: Path) -> str:
    """The page of the chart's values."""
    chart = root / CHART
    schema = json.loads((chart / "values.schema.json").read_text())
    defaults = yaml.safe_load((chart / "values.yaml").read_text())
    rows = [
        (code(".".join(path)), code(_default(defaults, path)), _told(comment, _schema(schema, path)))
        for path, comment in comments((chart / "values.yaml").read_text())
    ]
    return page(
        "Chart values",
        str(CHART / "values.yaml"),
        "Values of the Helm chart `charts/delivery-operator`. A name that is not here, and a value of another type, is "
        "refused with the place where it is wrong.",
        table(("value", "default", ""), rows),
    )


def comments(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each value that has none below it, with the comment above it (or above the values that lead to it)."""
    path: list[str] = []
    told: list[str] = []
    keys: list[tuple[tuple[str, ...], str]] = []
    for line in text.splitlines():
        if line.strip().startswith("#"):
            told.append(line.strip().removeprefix("#").strip())
            continue
        found = _KEY.match(line)
        if found:
            path = [*path[: len(found["indent"]) // 2], found["name"]]
            keys.append((tuple(path), " ".join(told)))
        told = []
    above = dict(keys)
    for place, comment in keys:
        if not any(other[: len(place)] == place and other != place for other, _ in keys):
            yield place, comment or above.get(place[:-1], "")


def _default(values: Any, path: tuple[str, ...]) -> str:
    for name in path:
        values = values[name]
    return yaml.safe_dump(values, default_flow_style=True, width=1000).removesuffix("...\n").strip()


def _schema(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for name in path:
        schema = schema.get("properties", {}).get(name, {})
    return schema


def _told(comment: str, schema: dict[str, Any]) -> str:
    limits = []
    if "minimum" in schema:
        limits.append(f"{schema['minimum']} to {schema['maximum']}")
    return f"{prose(comment)} {f'({limits[0]})' if limits else ''}".strip()

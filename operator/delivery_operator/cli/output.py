"""How objects are printed for programs: JSON, or YAML as people write it."""

import json
import sys
from enum import StrEnum
from typing import Any

import yaml


class Format(StrEnum):
    """What -o takes."""

    JSON = "json"
    YAML = "yaml"


class _Dumper(yaml.CSafeDumper):
    """YAML without anchors, and with text of several lines as a block."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out."""
        del data
        return True


def _text(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def to_yaml(value: Any) -> str:
    """Write a value as YAML, keys in the order they have."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def write(value: Any, form: Format) -> None:
    """Print a value in a form for programs."""
    if form is Format.JSON:
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(to_yaml(value))


def write_documents(values: list[Any], form: Format) -> None:
    """Print several objects: as documents of one YAML stream, or as one JSON List that kubectl takes."""
    if form is Format.JSON:
        write({"apiVersion": "v1", "kind": "List", "items": values}, form)
    else:
        sys.stdout.write("---\n".join(to_yaml(value) for value in values))

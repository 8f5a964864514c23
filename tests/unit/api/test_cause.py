"""How the cause of a release reads."""

from typing import Any

import pytest

from delivery_operator.api import cause

KUBECTL = [{"manager": "kubectl"}]
FLUX = {"manager": "flux"}


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({}, ""),
        ({"changes": {"fields": ["spec"]}}, ""),
        ({"changes": {"fields": ["spec"]}, "changedBy": KUBECTL}, "by kubectl"),
        ({"changes": {"fields": ["spec.image"]}}, "spec.image changed"),
        ({"changes": {"fields": ["spec.image"]}, "changedBy": [*KUBECTL, FLUX]}, "spec.image changed by kubectl, flux"),
        ({"changes": {"references": [{"kind": "Secret", "name": "db"}]}}, "Secret db changed"),
        (
            {
                "changes": {
                    "fields": ["spec.image"],
                    "references": [{"kind": "Secret", "name": "db", "keys": ["a", "b"]}],
                }
            },
            "spec.image, Secret db (a, b) changed",
        ),
        (
            {"changes": {"fields": ["spec.a", "spec.b", "spec.c", "spec.d"], "omitted": 4}},
            "spec.a, spec.b, spec.c and 5 more changed",
        ),
    ],
    ids=["nothing", "first", "first by", "field", "two managers", "secret", "keys", "many"],
)
def test_sentence(spec: dict[str, Any], sentence: str) -> None:
    assert cause.sentence(spec) == sentence

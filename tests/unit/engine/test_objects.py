"""Reading Kubernetes objects as the API server sends them: what is absent may be null or missing."""

from typing import Any

import pytest

from delivery_operator.engine import objects

OWNED = {"metadata": {"name": "a", "ownerReferences": [{"uid": "1"}, {"uid": "2", "controller": True}]}}


def test_the_owner_is_the_controller_and_no_other_reference() -> None:
    assert objects.owned_by(OWNED, "2")
    assert not objects.owned_by(OWNED, "1")


@pytest.mark.parametrize("references", [{}, {"ownerReferences": None}, {"ownerReferences": [{"uid": "1"}]}])
def test_without_a_controller_nobody_owns_it(references: dict[str, Any]) -> None:
    body = {"metadata": {"name": "a", **references}}
    assert objects.owner(body) is None
    assert not objects.owned_by(body, "1")


def test_what_is_absent_is_empty() -> None:
    body: dict[str, Any] = {"kind": "A", "metadata": {"name": "a", "labels": None}, "status": None}
    assert objects.uid(body) == ""
    assert objects.labels(body) == {}
    assert objects.condition(body, "Ready") is None
    assert not objects.condition_is(body, "Ready")


def test_a_condition_is_found_by_type() -> None:
    body = {"status": {"conditions": [{"type": "A", "status": "True"}, {"type": "B", "status": "False"}]}}
    assert objects.condition_is(body, "A")
    assert not objects.condition_is(body, "B")
    assert objects.condition_is(body, "B", "False")

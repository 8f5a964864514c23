"""No rule of the CRDs or of the policy is without a case that it refuses (tests/support/rules.py, changes.py)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery_operator.api.policy import RULES
from tests.support import rules
from tests.support.changes import REFUSED

CRDS = sorted((Path(__file__).parents[3] / "crds").glob("*.yaml"))


def messages(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for rule in node.get("x-kubernetes-validations", ()):
            yield rule["message"]
        for value in node.values():
            yield from messages(value)
    elif isinstance(node, list):
        for value in node:
            yield from messages(value)


@pytest.mark.parametrize("path", CRDS, ids=lambda path: path.stem.split("_")[1])
def test_every_rule_of_the_crds_refuses_something(path: Path) -> None:
    cases = [case.message for case in (*rules.SERVICE, *rules.TASK, *rules.ENVIRONMENT)]
    told = [*cases, *rules.IMMUTABLE, *(message for _, _, message in REFUSED)]
    found = set(messages(yaml.safe_load(path.read_text())))
    assert found
    assert {message for message in found if not any(part in message for part in told)} == set()


def test_every_rule_of_the_policy_refuses_something() -> None:
    untold = [rule.message for rule in RULES if not any(case.message in rule.message for case in rules.POLICY)]
    assert untold == []
    assert len(RULES) == len(rules.POLICY)


def test_every_case_is_about_a_rule() -> None:
    """A case whose rule has gone would refuse something for another reason."""
    found = {message for path in CRDS for message in messages(yaml.safe_load(path.read_text()))}
    cases = (*rules.SERVICE, *rules.TASK, *rules.ENVIRONMENT)
    assert [case.message for case in cases if not any(case.message in message for message in found)] == []

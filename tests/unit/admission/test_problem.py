"""Problems read as the API server's."""

from typing import Any

import pytest

from delivery_operator.admission.problem import Kind, Problem, problem, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", '"plain"'),
        ('a "quote"\\', '"a \\"quote\\"\\\\"'),
        ("line\n\ttab", '"line\\n\\ttab"'),
        ("é𝄞", '"é𝄞"'),
        ("\x01\u00a0\u2028\U000e0001", '"\\x01\\u00a0\\u2028\\U000e0001"'),
        (3, "3"),
        (3.0, "3"),
        (1.5, "1.5"),
        (1e20, "1e+20"),
        (123456.0, "123456"),
        (1234567.0, "1.234567e+06"),
        (0.00001, "1e-05"),
        (-0.5, "-0.5"),
        (True, "true"),
        (None, "null"),
        ({"b": [1], "a": "x"}, '{"a":"x","b":[1]}'),
    ],
)
def test_values_as_go_prints_them(value: Any, text: str) -> None:
    assert shown(value) == text


def test_lines() -> None:
    assert str(problem(Kind.REQUIRED, "spec.image")) == "spec.image: Required value"
    assert str(problem(Kind.INVALID, "spec.a", "no", 1)) == "spec.a: Invalid value: 1: no"
    assert str(problem(Kind.INVALID, "", "no")) == "Invalid value: no"
    assert str(Problem(Kind.UNKNOWN_FIELD, "spec.b", 'unknown field "spec.b"')) == 'unknown field "spec.b"'

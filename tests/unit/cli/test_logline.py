"""A line of a log, made readable."""

import pytest

from delivery_operator.cli.logline import readable


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('{"event": "started", "level": "info", "timestamp": "T"}', "T INFO    started"),
        ('{"msg": "m", "severity": "ERROR", "ts": 1.5, "order": 7}', "1.5 ERROR   m order=7"),
        ('{"message": "m", "lvl": "warn", "tags": ["a"], "who": "é b"}', 'WARN    m tags=["a"] who=é b'),
        ('{"trace_id": "abc"}', " trace_id=abc"),
        ('{"event": {"a": 1}}', ' event={"a": 1}'),
        ("plain text", "plain text"),
        ("{not json", "{not json"),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_readable(line: str, text: str) -> None:
    assert readable(line).plain == text


def test_the_level_has_a_colour() -> None:
    styles = {str(span.style) for span in readable('{"event": "m", "level": "error"}').spans}
    assert "red" in styles

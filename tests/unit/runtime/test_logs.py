"""Logs: one JSON object a line on stdout (factor XI, F11-5)."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from delivery_operator.runtime import logs
from delivery_operator.runtime.settings import LogLevel


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_event_is_one_line_with_level_logger_time_and_context(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogLevel.INFO)
    with structlog.contextvars.bound_contextvars(namespace="shop", service="order"):
        structlog.get_logger("delivery_operator.test").info("release cut", release="order-r1", text="two\nlines")
    (event,) = lines(capsys)
    at = datetime.fromisoformat(event.pop("timestamp"))
    assert at.tzinfo is not None
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert event == {
        "message": "release cut",
        "level": "info",
        "logger": "delivery_operator.test",
        "namespace": "shop",
        "service": "order",
        "release": "order-r1",
        "text": "two\nlines",
    }


def test_other_libraries_go_through_the_same_door(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogLevel.INFO)
    logging.getLogger("somebody").warning("%d things", 3)
    (event,) = lines(capsys)
    assert (event["message"], event["level"], event["logger"]) == ("3 things", "warning", "somebody")


def test_an_exception_is_on_its_line_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogLevel.INFO)
    try:
        int("boom")
    except ValueError:
        structlog.get_logger("delivery_operator.test").exception("reconcile failed")
    (event,) = lines(capsys)
    assert event["level"] == "error"
    assert "ValueError: invalid literal" in event["exception"]


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (LogLevel.DEBUG, ["debug", "info", "warning", "error"]),
        (LogLevel.INFO, ["info", "warning", "error"]),
        (LogLevel.WARNING, ["warning", "error"]),
        (LogLevel.ERROR, ["error"]),
    ],
)
def test_the_level_holds_for_everybody(capsys: pytest.CaptureFixture[str], level: LogLevel, shown: list[str]) -> None:
    logs.configure(level)
    for each in ("debug", "info", "warning", "error"):
        getattr(structlog.get_logger(f"delivery_operator.{level}"), each)("ours")
        getattr(logging.getLogger("somebody"), each)("theirs")
    events = lines(capsys)
    assert [event["level"] for event in events if event["message"] == "ours"] == shown
    assert [event["level"] for event in events if event["message"] == "theirs"] == shown


def test_what_the_runtime_says_about_itself_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogLevel.DEBUG)
    logging.getLogger("kopf.objects").info("handler succeeded")
    logging.getLogger("aiohttp.access").info("GET /livez")
    logging.getLogger("kopf").warning("the watch broke")
    assert [event["message"] for event in lines(capsys)] == ["the watch broke"]

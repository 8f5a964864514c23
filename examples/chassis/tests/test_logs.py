"""F11: what is on stdout."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from chassis import logs, tracing
from chassis.logs import mask

SECRET = "s3cret-Pa55"  # noqa: S105


@pytest.fixture(autouse=True)
def _configuration_ends_with_the_test() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_our_lines_and_those_of_libraries_look_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """LG-1, F11-2, F11-5, F11-8."""
    logs.configure("info")
    structlog.get_logger("ours").info("order created", order_id="1")
    logging.getLogger("theirs").warning("careful: %s", "hot")
    logging.getLogger("theirs").debug("nobody asked")
    ours, theirs = lines(capsys)
    assert (list(ours)[:3], ours["level"], ours["message"]) == (
        ["timestamp", "level", "message"],
        "info",
        "order created",
    )
    assert ours["order_id"] == "1"
    assert (theirs["level"], theirs["message"]) == ("warning", "careful: hot")


def test_an_unknown_level_is_a_warning_and_info(capsys: pytest.CaptureFixture[str]) -> None:
    """F11-5."""
    logs.configure("loud")
    structlog.get_logger("ours").debug("unseen")
    structlog.get_logger("ours").info("seen")
    warning, seen = lines(capsys)
    assert (warning["level"], warning["log_level"], seen["message"]) == ("warning", "loud", "seen")


def test_an_error_has_its_stack_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """LG-3, F11-7."""
    logs.configure("info")
    try:
        int("why")
    except ValueError:
        structlog.get_logger("ours").exception("failed")
    (line,) = lines(capsys)
    assert "ValueError: invalid literal" in line["stack_trace"]


def test_no_secret_is_printed_wherever_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """F3-15, W-1, PG-7."""
    logs.configure("info", [SECRET])
    logging.getLogger("driver").error("cannot connect to postgres://shop:%s@db", SECRET)
    structlog.get_logger("ours").info(f"with {SECRET}", also=SECRET)
    assert SECRET not in capsys.readouterr().out


def test_masks_secrets_but_not_ordinary_words() -> None:
    assert mask("password hunter22 for order", ["hunter22", "order"]) == "password *** for order"


@pytest.mark.usefixtures("own_provider")
def test_lines_have_the_trace_of_what_is_handled(capsys: pytest.CaptureFixture[str]) -> None:
    """LG-4."""
    logs.configure("info")
    tracing.configure("tests", "1", None)
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    sent = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01", "x-request-id": "from-the-gateway"}
    with tracing.handling("Call", sent):
        structlog.get_logger("ours").info("inside")
        onwards = tracing.outgoing()
    with tracing.handling("Call", {"traceparent": "nonsense", "x-request-id": "two\nlines"}):
        structlog.get_logger("ours").info("inside")
    structlog.get_logger("ours").info("outside")
    first, second, outside = lines(capsys)
    assert (first["trace_id"], first["request_id"]) == (trace_id, "from-the-gateway")
    assert onwards["traceparent"].split("-")[1] == trace_id
    assert onwards["x-request-id"] == "from-the-gateway"
    assert second["trace_id"] not in ("", trace_id)
    assert second["request_id"] == second["trace_id"]
    assert "trace_id" not in outside

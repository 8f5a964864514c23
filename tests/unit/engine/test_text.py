"""What goes into a status is bounded and holds no credentials (invariant 8, F3-15)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_operator.engine.text import OUTPUT_LIMIT, output_end, redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (
            "connect to postgres://order:hunter2@db:5432/order failed",
            "connect to postgres://order:***@db:5432/order failed",
        ),
        ("amqp://:hunter2@mq", "amqp://:***@mq"),
        ("https://shop.example.com/a:b@c", "https://shop.example.com/a:b@c"),
        ("postgres://order:hunt@er2@db", "postgres://order:***@db"),
        ("PASSWORD=hunter2, next", "PASSWORD=***, next"),
        ("db_password: hunter2", "db_password: ***"),
        ('{"api_key": "hunter 2", "id": 7}', '{"api_key": ***, "id": 7}'),
        ("token='hunter 2' id=7", "token=*** id=7"),
        ("client-secret = hunter2;", "client-secret = ***;"),
        ("the secret is missing", "the secret is missing"),
        ("column order.total does not exist", "column order.total does not exist"),
    ],
)
def test_what_looks_like_a_credential_is_blanked(text: str, redacted: str) -> None:
    assert redact(text) == redacted


def test_a_short_output_is_kept_whole() -> None:
    assert output_end("  one\ntwo\n") == "one\ntwo"


def test_of_a_long_output_the_last_whole_lines_are_kept() -> None:
    """The end says why."""
    lines = [f"line {number:04}" for number in range(1000)]
    kept = output_end("\n".join(lines))
    assert len(kept) <= OUTPUT_LIMIT
    assert kept.splitlines() == lines[-len(kept.splitlines()) :]


def test_of_one_long_line_the_end_is_kept() -> None:
    assert output_end("x" * OUTPUT_LIMIT + "the cause") == ("x" * OUTPUT_LIMIT + "the cause")[-OUTPUT_LIMIT:]


def test_a_last_line_that_is_cut_at_its_break_is_kept() -> None:
    text = "a" * 10 + "\n" + "b" * (OUTPUT_LIMIT - 1)
    assert output_end(text) == "b" * (OUTPUT_LIMIT - 1)


@given(before=st.text(max_size=2000), after=st.text(max_size=2000))
def test_a_password_in_a_url_never_shows_wherever_the_cut_falls(before: str, after: str) -> None:
    kept = output_end(f"{before} postgres://order:hunter2@db/order {after}")
    assert "hunter2" not in kept
    assert len(kept) <= OUTPUT_LIMIT


@pytest.mark.timeout(20)
@pytest.mark.parametrize("run", ["a", "a-", "password ", 'token="', "secret='", "://a:", "://", "api_key"])
def test_an_output_of_any_shape_is_read_in_no_time(run: str) -> None:
    """A pod must not be able to hold up the services of everybody (invariant 10)."""
    assert redact((run * 100_000)[:100_000])

"""F3-13: what is read from the environment, and what is said when it is wrong."""

from typing import ClassVar

import pytest
from pydantic import SecretStr

from chassis.errors import CommandError
from chassis.settings import Port, ServiceSettings
from chassis.sql.settings import DatabaseSettings, parse_database_url

SECRET = "s3cret-Pa55"  # noqa: S105


class Settings(ServiceSettings):
    """One of each: required, with a default, optional."""

    api_key: SecretStr
    port: Port = 8080
    optional: ClassVar[dict[str, str]] = {"sentry_dsn": "errors are only logged"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "PORT", "SENTRY_DSN", "DEBUG_MODE", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_hold_where_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """F3-5."""
    monkeypatch.setenv("API_KEY", SECRET)
    settings = Settings.load()
    assert (settings.port, settings.log_level, settings.debug_mode) == (8080, "info", False)


@pytest.mark.parametrize("value", [None, ""])
def test_a_required_variable_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """F3-6."""
    if value is not None:
        monkeypatch.setenv("API_KEY", value)
    with pytest.raises(CommandError, match=r"^API_KEY is required$"):
        Settings.load()


@pytest.mark.parametrize("port", ["eighty", "8080.5", "-1", "65536"])
def test_every_wrong_variable_is_named_and_no_value_shown(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    """F3-5, F3-15."""
    monkeypatch.setenv("PORT", port)
    with pytest.raises(CommandError) as refused:
        Settings.load()
    said = str(refused.value)
    assert said.startswith("API_KEY is required; PORT: ")
    assert port not in said.replace("65535", "")


def test_spans_go_by_the_protocol_that_is_named_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", SECRET)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    assert Settings.load().otel_exporter_otlp_protocol == "grpc"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    with pytest.raises(CommandError, match=r"^OTEL_EXPORTER_OTLP_PROTOCOL: .*'grpc' or 'http/protobuf'"):
        Settings.load()


@pytest.mark.parametrize(("value", "on"), [("true", True), ("TRUE", False), ("1", False), ("yes", False)])
def test_debug_mode_is_on_by_exactly_true(monkeypatch: pytest.MonkeyPatch, value: str, on: bool) -> None:
    """F3-8."""
    monkeypatch.setenv("API_KEY", SECRET)
    monkeypatch.setenv("DEBUG_MODE", value)
    assert Settings.load().debug_mode is on


def test_a_missing_optional_variable_is_worth_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """F3-7."""
    monkeypatch.setenv("API_KEY", SECRET)
    assert Settings.load().missing == {"SENTRY_DSN": "errors are only logged"}
    monkeypatch.setenv("SENTRY_DSN", "https://key@sentry.example.com/1")
    assert Settings.load().missing == {}


def test_secrets_are_hidden_and_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """F3-15, PG-7."""
    monkeypatch.setenv("API_KEY", SECRET)
    monkeypatch.setenv("SENTRY_DSN", "https://key:p%40ss@sentry.example.com/1")
    settings = Settings.load()
    assert SECRET not in repr(settings)
    assert set(settings.secrets) == {SECRET, "https://key:p%40ss@sentry.example.com/1", "p%40ss", "p@ss"}


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (f"mysql://shop:{SECRET}@db/shop", "must start with postgres:// or postgresql://"),
        (f"postgres://shop:{SECRET}@db:port/shop", "is not a valid URL"),
        (f"postgres://shop:x@{SECRET}@db:5432/shop", "has a host with unexpected characters"),
        (f"postgres://shop:{SECRET}@db:5432", "names no database"),
    ],
)
def test_an_unusable_database_is_explained_but_not_shown(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        parse_database_url(url)
    assert SECRET not in str(refused.value)


def test_the_replica_is_the_database_where_there_is_none() -> None:
    """PG-6."""
    alone = DatabaseSettings(database_url=SecretStr("postgres://db/shop"))
    assert alone.replica == alone.database
    both = DatabaseSettings(
        database_url=SecretStr("postgres://db/shop"), database_replica_url=SecretStr("postgres://copy/shop")
    )
    assert (both.database.host, both.replica.host) == ("db", "copy")


def test_a_pool_is_as_large_as_the_documents_say() -> None:
    """F4-5, SO-11."""
    pool = DatabaseSettings(database_url=SecretStr("postgres://db/shop"))
    assert (pool.db_pool_max_open, pool.db_pool_max_idle, pool.db_pool_max_lifetime_seconds) == (25, 25, 300)

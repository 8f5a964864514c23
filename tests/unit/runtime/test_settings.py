"""The operator is configured by its environment (OP-12)."""

import pytest
from pydantic import ValidationError

from delivery_operator.runtime.settings import LogLevel, Settings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NAMESPACES", "LOG_LEVEL", "WORKERS", "RESYNC_SECONDS", "HTTP_PORT", "LEASE_NAME"):
        monkeypatch.delenv(f"DELIVERY_OPERATOR_{name}", raising=False)
    for name in ("POD_NAMESPACE", "POD_NAME"):
        monkeypatch.delenv(name, raising=False)


def test_it_runs_with_no_configuration_at_all() -> None:
    settings = Settings()
    assert settings.scopes == (None,), "the whole cluster"
    assert settings.log_level is LogLevel.INFO
    assert (settings.workers, settings.resync_seconds, settings.http_port) == (8, 300, 8080)
    assert settings.namespace == "delivery-system"


@pytest.mark.parametrize(
    ("text", "namespaces"),
    [("", ()), ("shop", ("shop",)), ("shop, pay ,", ("shop", "pay")), (" , ", ())],
)
def test_namespaces_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, namespaces: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DELIVERY_OPERATOR_NAMESPACES", text)
    settings = Settings()
    assert settings.namespaces == namespaces
    assert settings.scopes == (namespaces or (None,))


def test_every_setting_comes_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DELIVERY_OPERATOR_LOG_LEVEL": "debug",
        "DELIVERY_OPERATOR_WORKERS": "3",
        "DELIVERY_OPERATOR_RESYNC_SECONDS": "7.5",
        "DELIVERY_OPERATOR_HTTP_PORT": "0",
        "POD_NAMESPACE": "platform",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.log_level is LogLevel.DEBUG
    assert (settings.workers, settings.resync_seconds, settings.http_port) == (3, 7.5, 0)
    assert settings.namespace == "platform"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "loud"),
        ("WORKERS", "0"),
        ("WORKERS", "many"),
        ("RESYNC_SECONDS", "0"),
        ("HTTP_PORT", "65536"),
        ("LEASE_NAME", ""),
    ],
)
def test_a_bad_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"DELIVERY_OPERATOR_{name}", value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert [error["loc"] for error in caught.value.errors()] == [(name.lower(),)]


def test_settings_given_in_code_need_no_environment() -> None:
    assert Settings(namespaces=("shop",), namespace="platform").scopes == ("shop",)


def test_the_lease_is_held_under_the_pods_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", "delivery-operator-7d9f-x2x")
    assert Settings().identity == "delivery-operator-7d9f-x2x"


def test_outside_of_a_pod_every_process_is_another() -> None:
    first, second = Settings(), Settings()
    assert first.identity == first.identity != second.identity
    assert first.lease_name == "delivery-operator"

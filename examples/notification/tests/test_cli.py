"""What a person sees who starts the program in the wrong way."""

import pytest
from processes import run

from chassis.errors import CommandError
from chassis_testing.network import free_port
from notification_service.settings import DispatchSettings, MigrateSettings, Settings, WorkerSettings

SECRET = "s3cret-Pa55"  # noqa: S105
WORKER = {
    "DATABASE_URL": f"postgres://shop:{SECRET}@127.0.0.1/shop",
    "AMQP_URL": f"amqp://shop:{SECRET}@127.0.0.1/",
    "REDIS_ADDR": "redis:6379",
    "USER_ADDRESS": "user-service:50051",
    "SMTP_ADDR": "mail:587",
    "SMTP_FROM": "Shop <news@shop.test>",
}


def test_help_names_the_subcommands() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert all(name in result.stdout for name in ("dispatch", "worker", "migrate"))


@pytest.mark.parametrize(
    ("settings", "required"),
    [
        (MigrateSettings, ["DATABASE_URL"]),
        (DispatchSettings, ["AMQP_URL", "KAFKA_BROKERS"]),
        (WorkerSettings, ["AMQP_URL", "DATABASE_URL", "REDIS_ADDR", "SMTP_ADDR", "SMTP_FROM", "USER_ADDRESS"]),
    ],
)
def test_what_is_required_is_named(settings: type[Settings], required: list[str]) -> None:
    """SN-2."""
    with pytest.raises(CommandError) as failed:
        settings.load()
    assert sorted(str(failed.value).split("; ")) == [f"{name} is required" for name in required]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"SMTP_FROM": "shop"}, "SMTP_FROM: must be an e-mail address, such as Shop <news@shop.example>"),
        ({"SMTP_FROM": "Shop\n <news@shop.test>"}, "SMTP_FROM: must be an e-mail address"),
        ({"SMTP_TLS": "never"}, "SMTP_TLS: "),
        ({"SMTP_ADDR": "mail"}, "SMTP_ADDR: "),
        ({"SMTP_USERNAME": "shop"}, "SMTP_PASSWORD: goes together with SMTP_USERNAME: set both or neither"),
        ({"SMTP_PASSWORD": SECRET}, "SMTP_PASSWORD: goes together with SMTP_USERNAME: set both or neither"),
        ({"USER_LIMIT": "0"}, "USER_LIMIT: "),
        ({"CLAIM_SECONDS": "0"}, "CLAIM_SECONDS: "),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], says: str) -> None:
    for name, value in {**WORKER, **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CommandError) as failed:
        WorkerSettings.load()
    assert str(failed.value).startswith(says)
    assert SECRET not in str(failed.value)


def test_a_password_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**WORKER, "SMTP_USERNAME": "shop", "SMTP_PASSWORD": "an0ther-Pa55"}.items():
        monkeypatch.setenv(name, value)
    settings = WorkerSettings.load()
    assert {SECRET, "an0ther-Pa55"} <= set(settings.secrets)
    assert settings.shutdown_drain_seconds == 10
    assert settings.tls_required


def test_it_does_not_start_without_what_it_needs() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    result = run("dispatch", AMQP_URL=f"amqp://shop:{SECRET}@{nowhere}/", KAFKA_BROKERS=nowhere)
    assert result.returncode == 1
    assert result.stderr.startswith("notification: no rabbitmq: ")
    assert SECRET not in result.stdout + result.stderr

"""What the environment says to this service. Each field is the variable of the same name in capitals."""

from email.utils import parseaddr
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from chassis.kafka.settings import Brokers
from chassis.rabbit.settings import RabbitSettings
from chassis.redis.settings import RedisSettings
from chassis.settings import Address, Seconds, ServiceSettings
from chassis.sql.settings import DatabaseSettings


def _sender(value: str) -> str:
    _, address = parseaddr(value)
    mailbox, _, domain = address.rpartition("@")
    if not (mailbox and domain and value.isprintable()):
        raise ValueError("must be an e-mail address, such as Shop <news@shop.example>")
    return value


Sender = Annotated[str, AfterValidator(_sender)]
Many = Annotated[int, Field(ge=1)]


class Settings(ServiceSettings):
    """What every process needs."""

    shutdown_drain_seconds: Seconds = 10
    """As long as the documents let a worker finish its task (SN-10)."""


class MigrateSettings(Settings, DatabaseSettings):
    """What the process `migrate` needs besides."""


class DispatchSettings(Settings, RabbitSettings):
    """What the process `dispatch` needs besides."""

    kafka_brokers: Brokers


class MailSettings(ServiceSettings):
    """Where mail is handed over, and in whose name."""

    smtp_addr: Address
    smtp_from: Sender
    smtp_username: str | None = None
    smtp_password: Annotated[SecretStr | None, Field(validate_default=True)] = None
    smtp_tls: Literal["offered", "required", "implicit"] = "offered"
    """STARTTLS where the server offers it, STARTTLS or nothing, or TLS from the first byte on."""

    @field_validator("smtp_password")
    @classmethod
    def _goes_with_the_name(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if (value is None) != (info.data.get("smtp_username") is None):
            raise ValueError("goes together with SMTP_USERNAME: set both or neither")
        return value

    @property
    def tls_required(self) -> bool:
        """Whether to send nothing in clear text; a password never is."""
        return self.smtp_tls == "required" or self.smtp_username is not None


class WorkerSettings(Settings, MailSettings, DatabaseSettings, RabbitSettings, RedisSettings):
    """What the process `worker` needs besides."""

    user_address: Address
    user_limit: Many = 10
    user_limit_seconds: Many = 1
    """At most so many notifications of one user in so much time (SN-12, X-6)."""
    claim_seconds: Annotated[float, Field(ge=5)] = 60
    """So long a notification is left to the worker that has begun it, before another one may think that it is dead."""

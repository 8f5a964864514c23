"""Where RabbitMQ is, and how work is taken from it."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator

from chassis.settings import Seconds, ServiceSettings

_SCHEMES = ("amqp://", "amqps://")
# An unescaped '@' or '/' in a password would move a part of it into the host, and from there into error messages.
_HOST = re.compile(r"[A-Za-z0-9._:-]+")


class RabbitSettings(ServiceSettings):
    """The variables of a service with a RabbitMQ. `AMQP_URL` may also be called `RABBITMQ_URL` (W-2)."""

    amqp_url: Annotated[SecretStr, Field(validation_alias=AliasChoices("amqp_url", "rabbitmq_url"))]
    amqp_prefetch: Annotated[int, Field(ge=1, le=1000)] = 1
    """So many messages are worked on at once by one process (SN-5)."""
    amqp_later_seconds: Seconds = 5
    """After so long a message that could not be worked on comes back."""

    @field_validator("amqp_url")
    @classmethod
    def _is_amqp(cls, value: SecretStr) -> SecretStr:
        raw = value.get_secret_value()
        if not raw.startswith(_SCHEMES):
            raise ValueError("must start with amqp:// or amqps://")
        try:
            url = urlsplit(raw)
            host, _ = url.hostname, url.port
        except ValueError:
            raise ValueError("is not a valid URL; percent-encode special characters in user and password") from None
        if not host or not _HOST.fullmatch(host):
            raise ValueError("names no host: expected amqp://user:password@host:port/vhost, percent-encoded")
        return value

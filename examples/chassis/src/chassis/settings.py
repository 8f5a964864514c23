"""Settings: read once, from the environment only, and complete before anything starts (F3).

Nothing here may show a secret: errors name the variable and the rule, never the value.
"""

from typing import Annotated, Any, ClassVar, Self
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.errors import CommandError
from chassis.tracing import Protocol

Port = Annotated[int, Field(ge=0, le=65535)]
Address = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+:\d{1,5}$")]
"""Where another service is, such as `catalogue.shop:50051`."""
Seconds = Annotated[float, Field(gt=0)]
ExactlyTrue = Annotated[bool, BeforeValidator(lambda value: value in ("true", True))]
"""On if the text is exactly "true"; anything else is off (F3-8)."""


class ServiceSettings(BaseSettings):
    """What differs between deploys of every service. Each field is the variable of the same name in capitals.

    A service's own settings are fields of a class derived from this one: required without a default, else optional.
    An empty variable is one that is not set.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    log_level: str = "info"
    metrics_port: Port = 9090
    shutdown_drain_seconds: Seconds = 15
    slow_seconds: Seconds = 1
    """What takes longer is logged as slow: a request, a statement, a message."""
    otel_exporter_otlp_endpoint: str | None = None
    """Where spans go, such as http://jaeger:4318; without it none are kept; trace ids are in the logs all the same."""
    otel_exporter_otlp_protocol: Protocol = "http/protobuf"
    """What is spoken there; the platform's own default is grpc, whose port is 4317."""
    otel_sdk_disabled: bool = False
    """Whether spans are to go nowhere, whatever the endpoint."""
    sentry_dsn: SecretStr | None = None
    """Where errors go besides the log."""
    debug_mode: ExactlyTrue = False
    """Python's asyncio debugging: calls that block the loop are logged. Slow; for finding what hangs."""
    termination_log: str = "/dev/termination-log"
    """Where a Job leaves its result for the platform; a file that only exists in a container of Kubernetes."""

    optional: ClassVar[dict[str, str]] = {}
    """Fields whose absence is worth a warning at the start, with what does not work without them (F3-7)."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must never be printed, and the passwords of those that are URLs."""
        values = [v.get_secret_value() for v in dict(self).values() if isinstance(v, SecretStr)]
        return tuple(dict.fromkeys(text for value in values for text in (value, *_passwords(value)) if text))

    @property
    def traces_endpoint(self) -> str | None:
        """Where spans go, if anywhere."""
        return None if self.otel_sdk_disabled else self.otel_exporter_otlp_endpoint

    @property
    def missing(self) -> dict[str, str]:
        """The optional variables that are not set, with what does not work without them."""
        return {name.upper(): lost for name, lost in self.optional.items() if getattr(self, name) is None}

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the environment; what is given takes its place.

        Raises:
            CommandError: a required variable is missing or a value is not usable; all of them are named.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            problems = "; ".join(_explain(str(e["loc"][0]).upper(), e["type"], e["msg"]) for e in error.errors())
            # Without the cause: pydantic's own error holds what it was given.
            raise CommandError(problems) from None


def _passwords(value: str) -> list[str]:
    if "://" not in value:
        return []
    try:
        password = urlsplit(value).password
    except ValueError:
        return []
    return [password, unquote(password)] if password else []


def _explain(variable: str, kind: str, message: str) -> str:
    if kind == "missing":
        return f"{variable} is required"
    return f"{variable}: {message.removeprefix('Value error, ')}"

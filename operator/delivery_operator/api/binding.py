"""Backing services (factor IV): attached resources, swapped by changing the reference alone."""

from typing import Final

from pydantic import ConfigDict, Field

from delivery_operator.api.base import Model, rules
from delivery_operator.api.config import BINDING_ENV_RULES
from delivery_operator.api.scalars import DNS_LABEL, DataKey, ObjectName, PortNumber, VariableName

DEFAULT_PORTS: Final = {
    "http": 80,
    "https": 443,
    "kafka": 9092,
    "memcached": 11211,
    "mongodb": 27017,
    "mysql": 3306,
    "postgresql": 5432,
    "rabbitmq": 5672,
    "redis": 6379,
    "smtp": 587,
    "stripe": 443,
}
"""TCP port by type, where `port` says no other (https://www.iana.org/assignments/service-names-port-numbers)."""

DATABASES: Final = {
    "cassandra": 9042,
    "clickhouse": 9000,
    "cockroachdb": 26257,
    "mariadb": 3306,
    "mongodb": 27017,
    "mssql": 1433,
    "mysql": 3306,
    "oracle": 1521,
    "postgres": 5432,
    "postgresql": 5432,
    "sqlserver": 1433,
}
"""Port by type of those that hold a schema which migrations change: two services that share one migrate in turn.

What keeps messages, keys or files (kafka, redis, s3) has no schema of its own, and of a type that is not here nothing
is known.
"""


class ProvisionedService(Model):
    """An object that names the Secret of its binding.

    https://servicebinding.io/spec/core/1.1.0/#provisioned-service
    """

    api_version: str = Field(
        min_length=1,
        max_length=317,
        pattern=r"^([-.a-z0-9]+/)?v[0-9][a-z0-9]*$",
        description="Its apiVersion, e.g. databases.example.com/v1.",
    )
    kind: str = Field(min_length=1, max_length=63, pattern=r"^[A-Z][A-Za-z0-9]*$", description="Its kind.")
    name: ObjectName = Field(description="Its name, in the service's namespace.")


class Pool(Model):
    """Size of the connection pool that each process keeps to the backing service (F4-5)."""

    max_open: int = Field(default=25, ge=1, le=10000, description="Connections at most. Default 25.")
    max_idle: int = Field(default=25, ge=0, le=10000, description="Idle connections kept at most. Default 25.")
    max_lifetime_seconds: int = Field(
        default=300, ge=1, le=86400, description="Seconds after which a connection is replaced. Default 300."
    )


class BackingService(Model):
    """An attached resource (factor IV): swapped by pointing the reference to another Secret, with no code change."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.secret) != has(self.provisionedService)",
                "backingServices[]: give exactly one of secret and provisionedService",
            ),
            (
                "(has(self.env) && size(self.env) > 0) || (has(self.files) && self.files)",
                "backingServices[]: give env (variable to key) or files: true, else the service does not learn of it",
            ),
        )
    )

    name: str = Field(min_length=1, max_length=40, pattern=DNS_LABEL, description="Name of the binding, e.g. db.")
    type: str = Field(
        min_length=1,
        max_length=63,
        pattern=DNS_LABEL,
        description="What it is: postgresql, kafka, redis, rabbitmq, mongodb, or any other.",
    )
    version: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]*$",
        description='Its version, the same in every environment (factor X), e.g. "15". Becomes the image tag in the '
        "Compose file.",
    )
    secret: ObjectName | None = Field(default=None, description="The Secret that holds its location and credentials.")
    provisioned_service: ProvisionedService | None = Field(
        default=None,
        description="An object whose status.binding.name names the Secret (servicebinding.io). No release is made "
        "until it does (condition ConfigReady).",
    )
    env: dict[VariableName, DataKey] = Field(
        default={},
        max_length=32,
        description="Environment variable to key of the Secret, e.g. DATABASE_URL: url.",
        json_schema_extra=BINDING_ENV_RULES,
    )
    files: bool = Field(
        default=False,
        description="Mount the Secret's keys as files under $SERVICE_BINDING_ROOT/<name>, with the file type "
        "(servicebinding.io). Default false.",
    )
    pool: Pool | None = Field(
        default=None,
        description="Size of the connection pool; becomes <NAME>_POOL_MAX_OPEN, <NAME>_POOL_MAX_IDLE and "
        "<NAME>_POOL_MAX_LIFETIME_SECONDS, e.g. DB_POOL_MAX_OPEN. Default: the service decides.",
    )
    port: PortNumber | None = Field(
        default=None,
        description="TCP port it listens on, for the NetworkPolicy. Default: that of its type, e.g. 5432 for "
        "postgresql; for an unknown type any port.",
    )

    @property
    def network_port(self) -> int | None:
        """TCP port for the NetworkPolicy; None when neither `port` nor the type tells."""
        return self.port or DEFAULT_PORTS.get(self.type)

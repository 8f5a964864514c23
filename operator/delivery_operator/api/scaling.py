"""How load decides the number of pods (F8-3): between two bounds, by cpu, memory or the length of a queue."""

from enum import StrEnum

from pydantic import ConfigDict, Field

from delivery_operator.api.base import Model, rules
from delivery_operator.api.scalars import VariableRef


class QueueType(StrEnum):
    """Where the length of a queue is read."""

    KAFKA = "kafka"
    RABBITMQ = "rabbitmq"
    REDIS = "redis"


class QueueLength(Model):
    """Scale by work that waits; needs KEDA in the cluster."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.consumerGroup) == (self.type == 'kafka')",
                "scaling.queue: give consumerGroup with type kafka, whose lag is that group's, and with no other",
            ),
            (
                "!has(self.passwordFrom) || self.type == 'redis'",
                "scaling.queue: passwordFrom applies to type redis; a rabbitmq URL holds its password, and "
                "kafka takes none",
            ),
        )
    )

    type: QueueType = Field(description="kafka: lag of a consumer group; rabbitmq: messages in a queue; redis: a list.")
    name: str = Field(
        min_length=1, max_length=249, pattern=r"^[-A-Za-z0-9._:]+$", description="Name of the topic, queue or list."
    )
    consumer_group: str | None = Field(
        default=None, min_length=1, max_length=249, description="With kafka: the consumer group whose lag counts."
    )
    address_from: VariableRef = Field(
        description="The variable of the process with the address: brokers of kafka (host:port, ...), the AMQP URL of "
        "rabbitmq, host:port of redis."
    )
    password_from: VariableRef | None = Field(
        default=None, description="With redis: the variable of the process with the password. Default none."
    )
    target: int = Field(
        default=100, ge=1, le=1_000_000, description="Messages that one pod is to have waiting. Default 100."
    )


class Scaling(Model):
    """How many pods there are is decided by load, between two bounds."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("self.min <= self.max", "scaling: min must not be greater than max"),
            (
                "has(self.cpu) || has(self.memory) || has(self.queue)",
                "scaling: give what decides: cpu, memory, queue, or several of them",
            ),
        )
    )

    min: int = Field(default=1, ge=1, le=1000, description="Pods at least. Default 1.")
    max: int = Field(ge=1, le=1000, description="Pods at most.")
    cpu: int | None = Field(
        default=None, ge=1, le=1000, description="CPU use to aim at, in per cent of resources.requests.cpu."
    )
    memory: int | None = Field(
        default=None, ge=1, le=1000, description="Memory use to aim at, in per cent of resources.requests.memory."
    )
    queue: QueueLength | None = Field(
        default=None,
        description="Scale by the length of a queue. Becomes a KEDA ScaledObject; where KEDA is not installed, the "
        "other measures decide, or there are min pods.",
    )

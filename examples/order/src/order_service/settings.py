"""What the environment says to this service. Each field is the variable of the same name in capitals."""

from typing import ClassVar

from chassis.kafka.settings import Brokers
from chassis.settings import Address, Port
from chassis.sql.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """What every process needs."""


class WebSettings(Settings):
    """What the process `web` needs besides."""

    port: Port = 50051
    catalogue_address: Address | None = None

    optional: ClassVar[dict[str, str]] = {"catalogue_address": "orders are taken without prices"}


class KafkaSettings(Settings):
    """What the processes `relay` and `worker` need besides."""

    kafka_brokers: Brokers

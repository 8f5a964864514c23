"""The types of backing services the command line knows: what `init` proposes, and what `compose` starts for them.

A DeliveryService may use any other type; these have a container of their own in a Compose file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Backing:
    """One type of backing service, as it runs on a laptop.

    Texts may hold `{host}` (the container), `{service}` (the DeliveryService) and `{password}`.

    Attributes:
        image: its image without a tag.
        tag: made of the `{version}` that the DeliveryService names.
        version: the one `init` proposes, and the tag's where the DeliveryService names none.
        variable: the environment variable that `init` proposes for its location.
        key: the key of the Secret it comes from.
        values: what the keys that Secrets commonly have hold here; the password is always under `password`.
        healthcheck: a command that succeeds once it serves, as Compose takes it. By the address that others reach it
            at: while an image makes its database, a server answers on the socket, or on the loopback interface.
        ports: that are published to this machine.
        environment: of the container.
        command: arguments of the container, when the service uses the password.
        data: folder kept in a named volume.
        exact: tags have three parts; a version with fewer is filled up with zeros.
    """

    image: str
    tag: str
    version: str
    variable: str
    key: str
    values: Mapping[str, str]
    healthcheck: tuple[str, ...]
    ports: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    data: str | None = None
    exact: bool = False

    def tagged(self, version: str | None) -> str:
        """Make the image's tag of a version."""
        wanted = version or self.version
        parts = wanted.split(".")
        if self.exact and all(part.isdigit() for part in parts):
            wanted = ".".join([*parts, *["0"] * (3 - len(parts))])
        return self.tag.format(version=wanted)


_PARTS: Final = {"host": "{host}", "username": "{service}", "user": "{service}", "database": "{service}"}

KNOWN: Final[Mapping[str, Backing]] = {
    "postgresql": Backing(
        image="postgres",
        tag="{version}",
        version="17",
        variable="DATABASE_URL",
        key="url",
        values={
            **_PARTS,
            "port": "5432",
            "url": "postgres://{service}:{password}@{host}:5432/{service}?sslmode=disable",
            "uri": "postgres://{service}:{password}@{host}:5432/{service}?sslmode=disable",
        },
        healthcheck=("CMD", "pg_isready", "-h", "127.0.0.1", "-U", "{service}", "-d", "{service}"),
        environment={
            "POSTGRES_DB": "{service}",
            "POSTGRES_USER": "{service}",
            "POSTGRES_PASSWORD": "{password}",
            "PGDATA": "/var/lib/postgresql/data",  # the default until version 17
        },
        data="/var/lib/postgresql/data",
    ),
    "mysql": Backing(
        image="mysql",
        tag="{version}",
        version="8.4",
        variable="DATABASE_URL",
        key="url",
        values={**_PARTS, "port": "3306", "url": "mysql://{service}:{password}@{host}:3306/{service}"},
        healthcheck=("CMD-SHELL", 'mysqladmin ping -h 127.0.0.1 -u "$$MYSQL_USER" --password="$$MYSQL_PASSWORD"'),
        environment={
            "MYSQL_DATABASE": "{service}",
            "MYSQL_USER": "{service}",
            "MYSQL_PASSWORD": "{password}",
            "MYSQL_RANDOM_ROOT_PASSWORD": "yes",
        },
        data="/var/lib/mysql",
    ),
    "mongodb": Backing(
        image="mongo",
        tag="{version}",
        version="8.0",
        variable="MONGODB_URL",
        key="url",
        values={
            **_PARTS,
            "port": "27017",
            "url": "mongodb://{service}:{password}@{host}:27017/{service}?authSource=admin",
            "uri": "mongodb://{service}:{password}@{host}:27017/{service}?authSource=admin",
        },
        healthcheck=(
            "CMD",
            "mongosh",
            "--host",
            "{host}",
            "--quiet",
            "--eval",
            "db.adminCommand('ping').ok || quit(1)",
        ),
        environment={"MONGO_INITDB_ROOT_USERNAME": "{service}", "MONGO_INITDB_ROOT_PASSWORD": "{password}"},
        data="/data/db",
    ),
    "redis": Backing(
        image="redis",
        tag="{version}-alpine",
        version="7",
        variable="REDIS_ADDR",
        key="addr",
        values={
            "host": "{host}",
            "port": "6379",
            "addr": "{host}:6379",
            "address": "{host}:6379",
            "url": "redis://:{password}@{host}:6379/0",
            "uri": "redis://:{password}@{host}:6379/0",
        },
        healthcheck=("CMD", "redis-cli", "ping"),
        command=("redis-server", "--requirepass", "{password}"),
        ports=(6379,),
    ),
    "rabbitmq": Backing(
        image="rabbitmq",
        tag="{version}-management-alpine",
        version="4",
        variable="AMQP_URL",
        key="url",
        values={
            "host": "{host}",
            "port": "5672",
            "username": "{service}",
            "user": "{service}",
            "url": "amqp://{service}:{password}@{host}:5672/",
            "uri": "amqp://{service}:{password}@{host}:5672/",
        },
        healthcheck=("CMD", "rabbitmq-diagnostics", "--quiet", "check_port_connectivity"),
        ports=(5672, 15672),
        environment={"RABBITMQ_DEFAULT_USER": "{service}", "RABBITMQ_DEFAULT_PASS": "{password}"},
    ),
    "kafka": Backing(
        image="apache/kafka",
        tag="{version}",
        version="4.0.0",
        variable="KAFKA_BROKERS",
        key="brokers",
        values={
            "host": "{host}",
            "port": "9092",
            "brokers": "{host}:9092",
            "bootstrap-servers": "{host}:9092",
            "url": "{host}:9092",
        },
        healthcheck=("CMD-SHELL", "/opt/kafka/bin/kafka-broker-api-versions.sh --bootstrap-server {host}:9092"),
        # One node that is broker and controller (KRaft): https://kafka.apache.org/documentation/#kraft
        environment={
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://{host}:9092",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
        },
        data="/var/lib/kafka/data",
        exact=True,
    ),
    "memcached": Backing(
        image="memcached",
        tag="{version}-alpine",
        version="1.6",
        variable="MEMCACHED_ADDR",
        key="addr",
        values={"host": "{host}", "port": "11211", "addr": "{host}:11211", "address": "{host}:11211"},
        healthcheck=("CMD-SHELL", "echo version | nc -w 1 127.0.0.1 11211 | grep -q VERSION"),
        ports=(11211,),
    ),
}

"""Kafka: one process that is broker and controller. Tests keep apart by the names of topics and groups."""

import struct
from collections.abc import Sequence
from pathlib import Path

from chassis_testing import programs
from chassis_testing.network import HOST, free_port, greeting
from chassis_testing.server import Server, unique

CLUSTER = "Y2hhc3Npcy10ZXN0aW5nMQ"  # any 16 bytes in base64
PARTITIONS = 3
HEAP = ("-Xms64m", "-Xmx256m")
# A request for the metadata of no topics (key 3, version 4), and what its answer begins with: its length, the request's
# number, a throttle time and the number of brokers.
_REQUEST = struct.pack(">hhihi?", 3, 4, 1, -1, 0, False)  # may not create any
METADATA = struct.pack(">i", len(_REQUEST)) + _REQUEST
ANSWER = struct.Struct(">iiii")


class Kafka(Server):
    """A Kafka broker that is its own controller. Topics are created by their first use."""

    name = "kafka"

    def __init__(self) -> None:
        """Take ports for clients and for the controller."""
        super().__init__()
        self._controller_port = free_port()

    def prepare(self) -> None:
        """Format a log directory."""
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{HOST}:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self._controller_port}",
            "log.dirs": self.folder / "data",
            "num.partitions": PARTITIONS,
            # Topics of Kafka's own: one broker can hold no more than one replica, and tests need few partitions.
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 3,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 3,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 3,
            # After a crash the broker waits until the session of its former life is over (9000 without this).
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            # A group of tests is complete when its first member joins.
            "group.initial.rebalance.delay.ms": 0,
        }
        path = self._write("server.properties", "".join(f"{key}={value}\n" for key, value in settings.items()))
        self._run(self._java("kafka.tools.StorageTool", "format", "--config", path, "--cluster-id", CLUSTER))

    def command(self) -> Sequence[str | Path]:
        """The broker, in a Java VM with 256 MiB of heap at most."""
        return self._java("kafka.Kafka", self.folder / "server.properties")

    def answers(self) -> bool:
        """Whether it answers, and knows itself as a broker that clients may use."""
        answer = greeting(self.port, ANSWER.size, METADATA)
        return len(answer) == ANSWER.size and ANSWER.unpack(answer)[-1] == 1

    @property
    def bootstrap_servers(self) -> str:
        """What clients call `bootstrap_servers`: one host and port."""
        return f"{HOST}:{self.port}"

    def topic(self, prefix: str = "topic") -> str:
        """A topic's name that nobody has used yet."""
        return unique(f"{prefix}-")

    async def make_topics(self, *names: str) -> None:
        """Make topics of three partitions: a group that reads one before it is there learns of it after seconds only.

        For those who have Kafka's client (`chassis[kafka]`).
        """
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # noqa: PLC0415 - not all who test have it

        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        await admin.start()
        try:
            await admin.create_topics(
                [NewTopic(each, num_partitions=PARTITIONS, replication_factor=1) for each in names]
            )
        finally:
            await admin.close()

    def group(self, prefix: str = "group") -> str:
        """A consumer group's name that nobody has used yet."""
        return unique(f"{prefix}-")

    def _java(self, main: str, *arguments: str | Path) -> list[str | Path]:
        options = (*HEAP, "-Dorg.apache.logging.log4j.level=WARN")
        return programs.kafka().command(main, *arguments, options=options)

"""What is measured, as processes: the service's, and a PostgreSQL whose commits wait for the disk."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Self

import psutil

from bench.variants import AS_IS, Variant
from chassis_testing.network import HOST, free_port, listens
from chassis_testing.postgresql import PostgreSQL
from chassis_testing.program import installed
from chassis_testing.server import Server

ROOT = Path(__file__).parents[1]


class DurablePostgreSQL(PostgreSQL):
    """As in production: a commit is on the disk before it is answered."""

    durable: ClassVar[bool] = True


class Order(Server):
    """One process of the service, in a variant, which logs into a file."""

    name = "order"

    def __init__(self, variant: Variant, process: str, **variables: str) -> None:
        """Take ports; nothing runs yet.

        Args:
            variant: of the service.
            process: of it, such as `web`.
            variables: its environment besides what is the same for all.
        """
        super().__init__()
        self._variant = variant
        self._command = process
        self._metrics_port = free_port()
        self._variables = variables

    @classmethod
    @contextmanager
    def started(cls, variant: Variant, process: str, **variables: str) -> Iterator[Self]:
        """One that works, for the length of the block.

        Raises:
            StartError: it did not start.
        """
        server = cls(variant, process, **variables)
        try:
            server.start()
            yield server
        finally:
            server.close()

    def command(self) -> Sequence[str | Path]:
        """The program itself, or what composes it with less."""
        program = [installed("order")] if self._variant == AS_IS else [sys.executable, "-m", "bench.plain"]
        return [*program, self._command]

    def environment(self) -> dict[str, str]:
        """What a deploy says."""
        return {
            **super().environment(),
            "PYTHONPATH": str(ROOT),
            "BENCH_WITHOUT": " ".join(sorted(self._variant.without)),
            "PORT": str(self.port),
            "METRICS_PORT": str(self._metrics_port),
            # Connections live for a fifth of it, longer than a load: ghz repeats no call that ends with its connection.
            "SHUTDOWN_DRAIN_SECONDS": "600",
            **self._variables,
        }

    def answers(self) -> bool:
        """Whether it works: a worker has no port but that of its metrics."""
        return listens(self.port if self._command == "web" else self._metrics_port)

    @property
    def address(self) -> str:
        """Where it serves."""
        return f"{HOST}:{self.port}"


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and all it has ever started, user and system.

    What a child has used counts from its start, and still when it has ended: PostgreSQL has one for each connection.
    """
    process = psutil.Process(pid)
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    return total + sum(_used(child) for child in process.children(recursive=True))


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # between two looks; the next one finds it with its parent
        return 0.0
    return times.user + times.system

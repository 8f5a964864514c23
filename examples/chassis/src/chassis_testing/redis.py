"""Redis, with a database number per test."""

from collections.abc import Sequence
from pathlib import Path

from chassis_testing import programs
from chassis_testing.errors import StartError
from chassis_testing.network import HOST, greeting
from chassis_testing.server import Server

DATABASES = 4096
PONG = b"+PONG\r\n"


class Redis(Server):
    """A Redis server that appends every write to its log."""

    name = "redis"
    _used = 0  # database 0 is left to those who name none

    def command(self) -> Sequence[str | Path]:
        """`redis-server`, without any configuration file."""
        options: dict[str, str | Path] = {
            "--port": str(self.port),
            "--bind": HOST,
            "--dir": self.folder,
            "--databases": str(DATABASES),
            "--appendonly": "yes",
            # What it has written outlives it in the page cache; a reply is sent after the write.
            "--appendfsync": "no",
            "--save": "",
        }
        return [programs.redis(), *(word for option in options.items() for word in option)]

    def answers(self) -> bool:
        """Whether it answers a PING; while it loads its log it does not."""
        return greeting(self.port, len(PONG), b"PING\r\n") == PONG

    def url(self, database: int = 0) -> str:
        """The URL of a database."""
        return f"redis://{HOST}:{self.port}/{database}"

    def database(self) -> str:
        """The URL of a database that nobody has used yet.

        Raises:
            StartError: all have been used.
        """
        if self._used == DATABASES - 1:
            raise StartError(f"all {DATABASES} databases of this Redis have been used: start another one")
        self._used += 1
        return self.url(self._used)

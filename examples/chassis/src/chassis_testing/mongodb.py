"""A server that speaks MongoDB's protocol (mongo-java-server), with a database per test.

It knows no transactions and not every operator; what the services ask of it is the same with MongoDB itself.
"""

from collections.abc import Sequence
from pathlib import Path

from chassis_testing import programs
from chassis_testing.network import HOST, listens
from chassis_testing.server import Server, unique


class MongoDB(Server):
    """A server for MongoDB's clients. What it has confirmed outlives it."""

    name = "mongodb"

    def command(self) -> Sequence[str | Path]:
        """The server, in a Java VM with 128 MiB of heap at most."""
        arguments = (str(self.port), self.folder / "data")
        return programs.mongodb().command("StoredMongoServer", *arguments, options=("-Xmx128m",))

    def answers(self) -> bool:
        """Whether it listens, which it does once it has opened its file."""
        return listens(self.port)

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"mongodb://{HOST}:{self.port}/{database}"

    def database(self) -> str:
        """The URL of a database that nobody has used yet: the first write creates it."""
        return self.url(unique())

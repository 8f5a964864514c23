"""A server that speaks MongoDB's protocol (mongo-java-server), with a database per test.

It knows no transactions and not every operator; what the services ask of it is the same with MongoDB itself.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

from chassis_testing import programs
from chassis_testing.network import HOST, greeting
from chassis_testing.server import Server, unique

# Every message begins with its length, its number, that of the one it answers, and its kind: here one that holds a
# document (OP_MSG). The document is {hello: 1, $db: "admin"} in BSON.
HEADER = struct.Struct("<iiii")
NUMBER = 1
OP_MSG = 2013
_DOCUMENT = b"\x10hello\0" + struct.pack("<i", 1) + b"\x02$db\0" + struct.pack("<i", 6) + b"admin\0" + b"\0"
_BODY = struct.pack("<ibi", 0, 0, 4 + len(_DOCUMENT)) + _DOCUMENT
HELLO = HEADER.pack(HEADER.size + len(_BODY), NUMBER, 0, OP_MSG) + _BODY


class MongoDB(Server):
    """A server for MongoDB's clients. What it has confirmed outlives it."""

    name = "mongodb"

    def command(self) -> Sequence[str | Path]:
        """The server, in a Java VM with 128 MiB of heap at most."""
        arguments = (str(self.port), self.folder / "data")
        return programs.mongodb().command("StoredMongoServer", *arguments, options=("-Xmx128m",))

    def answers(self) -> bool:
        """Whether it answers a hello: a server that has just begun to listen takes a while for its first answer."""
        answer = greeting(self.port, HEADER.size, HELLO)
        return len(answer) == HEADER.size and HEADER.unpack(answer)[2:] == (NUMBER, OP_MSG)

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"mongodb://{HOST}:{self.port}/{database}"

    def database(self) -> str:
        """The URL of a database that nobody has used yet: the first write creates it."""
        return self.url(unique())

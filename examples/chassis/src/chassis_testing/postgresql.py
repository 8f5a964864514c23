"""PostgreSQL, with a database per test."""

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import psycopg
from psycopg import sql

from chassis_testing import programs
from chassis_testing.network import HOST
from chassis_testing.server import Server, unique

USER = "shop"
PASSWORD = "s3cret-Pa55/w:rd"  # noqa: S105 - also holds characters that must be percent-encoded


class PostgreSQL(Server):
    """A PostgreSQL server."""

    name = "postgresql"
    stop_signal = signal.SIGINT  # SIGTERM would wait for clients to go away by themselves
    unprivileged = True  # it refuses to run as root
    password: ClassVar[str] = PASSWORD
    durable: ClassVar[bool] = False  # whether a commit waits for the disk, as in production

    def prepare(self) -> None:
        """Make a database cluster."""
        password = self._write("password", self.password)
        identity: list[str | Path] = ["-U", USER, "--pwfile", password, "-A", "scram-sha-256"]
        locale = ["--encoding", "UTF8", "--locale", "C.UTF-8"]
        self._run([programs.postgresql() / "initdb", "-D", self.folder / "data", "--no-sync", *identity, *locale])

    def command(self) -> Sequence[str | Path]:
        """`postgres`, which listens on TCP only."""
        options = {
            "port": str(self.port),
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            # What a process has written outlives it in the page cache: only a crash of the machine needs more.
            "fsync": "on" if self.durable else "off",
            "max_connections": "200",
        }
        settings = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        return [programs.postgresql() / "postgres", "-D", self.folder / "data", *settings]

    def answers(self) -> bool:
        """Whether one can log in."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database: str, *, password: str | None = None) -> str:
        """The URL of a database, with the right password or another one."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{USER}:{secret}@{HOST}:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement, outside of a transaction.

        Raises:
            psycopg.Error: the statement failed.
        """
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def database(self, *, template: str | None = None) -> str:
        """Create a database and return its URL: an empty one, or a copy of the database `template`.

        Raises:
            psycopg.Error: it could not be created, as when somebody is connected to the template.
        """
        name = unique()
        copied = sql.Identifier(template or "template1")
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), copied))
        return self.url(name)

"""A real PostgreSQL for the tests, and the service as the processes it runs as."""

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from processes import Order, free_port

from order_service.migrate import run as migrate
from order_service.settings import Settings

POSTGRES_MAJOR = "15"  # what production runs; no stand-ins
PASSWORD = "s3cret-Pa55/w:rd"  # noqa: S105 - also holds characters that must be percent-encoded
_ENCODED = "s3cret-Pa55%2Fw%3Ard"


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL."""

    port: int

    def url(self, database: str, *, password: str = _ENCODED) -> str:
        return f"postgres://shop:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """PostgreSQL in a temporary folder, as an unprivileged user: it refuses to run as root."""
    binaries = _binaries()
    user = _unprivileged_user()
    base = Path(tempfile.mkdtemp(prefix="order-postgres-"))
    try:
        data, password = base / "data", base / "password"
        password.write_text(PASSWORD)
        if user is not None:
            for path in (base, password):
                shutil.chown(path, user, grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name)
        server = Server(free_port())
        init: list[str | Path] = [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "shop",
            "--pwfile",
            password,
            "-A",
            "scram-sha-256",
            "--no-sync",
        ]
        subprocess.run(init, check=True, capture_output=True, user=user, cwd="/")
        options = {"port": server.port, "unix_socket_directories": base, "fsync": "off", "max_connections": 200}
        command: list[str | Path] = [binaries / "postgres", "-D", data, "-h", "127.0.0.1"]
        command += [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        with (base / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd="/")
        try:
            _wait_until_up(server, base / "log")
            yield server
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(base)


@pytest.fixture(scope="session")
def migrated(server: Server) -> str:
    """The name of a database with the schema, to copy from."""
    server.execute("CREATE DATABASE migrated")
    migrate(Settings(database_url=server.url("migrated"), termination_log="/nonexistent"))  # type: ignore[arg-type]
    return "migrated"


@pytest.fixture
def empty_database(server: Server) -> str:
    """The URL of a database of its own, without any tables."""
    name = f"t{uuid4().hex}"
    server.execute(f"CREATE DATABASE {name}")
    return server.url(name)


@pytest.fixture
def database(server: Server, migrated: str) -> str:
    """The URL of a database of its own, with the schema."""
    name = f"t{uuid4().hex}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
    return server.url(name)


@pytest.fixture
async def order(database: str) -> AsyncIterator[Order]:
    """A running `order web`."""
    async with Order.started(database) as running:
        yield running


def _binaries() -> Path:
    found = Path(f"/usr/lib/postgresql/{POSTGRES_MAJOR}/bin")
    if "POSTGRES_BIN" in os.environ:
        found = Path(os.environ["POSTGRES_BIN"])
    if not (found / "initdb").exists():
        pytest.fail(
            f"no PostgreSQL {POSTGRES_MAJOR} in {found}; run `make postgres` "
            f"(apt-get install postgresql-{POSTGRES_MAJOR}), or set POSTGRES_BIN to the folder with its initdb",
            pytrace=False,
        )
    return found


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _wait_until_up(server: Server, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(server.url("postgres"), connect_timeout=1).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start:\n{log.read_text()}", pytrace=False)
            time.sleep(0.05)
        else:
            return

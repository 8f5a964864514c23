"""Runs `notification` as the platform does, beside everything that it needs."""

import contextlib
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psycopg

from chassis_testing import program
from chassis_testing.program import RunningProgram

FROM = "Shop <news@shop.test>"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end."""
    return program.run("notification", *arguments, **variables)


@dataclass(frozen=True)
class Backing:
    """Where everything is that the worker needs."""

    database: str
    amqp: str
    redis: str
    users: str
    smtp: str

    @property
    def variables(self) -> dict[str, str]:
        host, _, rest = self.redis.removeprefix("redis://").partition("/")
        return {
            "DATABASE_URL": self.database,
            "AMQP_URL": self.amqp,
            "AMQP_LATER_SECONDS": "0.5",
            "REDIS_ADDR": host,
            "REDIS_DB": rest,
            "USER_ADDRESS": self.users,
            "SMTP_ADDR": self.smtp,
            "SMTP_FROM": FROM,
        }

    def noted(self) -> dict[str, str]:
        """What the database says became of notifications, by id."""
        with psycopg.connect(self.database) as connection:
            rows = connection.execute("SELECT id, status FROM notifications").fetchall()
        return {str(key): str(value) for key, value in rows}


class Notification(RunningProgram):
    """A running `notification worker`, or another process of the service."""


@contextlib.asynccontextmanager
async def working(backing: Backing, **variables: str) -> AsyncIterator[Notification]:
    """Start a worker, and wait until it works."""
    settings = {**backing.variables, **variables}
    async with Notification.started("notification", "worker", "working", **settings) as running:
        yield running

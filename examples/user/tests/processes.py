"""Runs `user` as the platform does."""

import contextlib
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest

from chassis_testing import program
from chassis_testing.grpc import RunningServer
from user_service.pb import user_service_pb2 as pb
from user_service.pb.user_service_pb2_grpc import UserServiceStub

if TYPE_CHECKING:  # exists in the stubs only
    from user_service.pb.user_service_pb2_grpc import UserServiceAsyncStub

PASSWORD = "correct horse battery"  # noqa: S105


@dataclass(frozen=True)
class Backing:
    """Databases of one test.

    Attributes:
        mongo_url: with the indexes.
        redis_addr: where Redis is,
        redis_db: and which of its databases.
    """

    mongo_url: str
    redis_addr: str
    redis_db: int

    @property
    def variables(self) -> dict[str, str]:
        """What a process has to be told: hashes that cost next to nothing, and no limit that a test would run into."""
        return {
            "MONGO_URL": self.mongo_url,
            "REDIS_ADDR": self.redis_addr,
            "REDIS_DB": str(self.redis_db),
            "ARGON2_MEMORY_KIB": "64",
            "ARGON2_TIME_COST": "1",
            "ARGON2_PARALLELISM": "1",
            "RATE_LIMIT_REQUESTS": "1000",
        }


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end."""
    return program.run("user", *arguments, **variables)


class UserWeb(RunningServer):
    """A running `user web`."""

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator["UserServiceAsyncStub"]:
        async with grpc.aio.insecure_channel(self.address) as channel:
            yield UserServiceStub(channel)

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric; 0 if it is not there."""
        wanted = "{" + ",".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "}" if labels else ""
        with urllib.request.urlopen(self.metrics_url, timeout=10) as answer:  # noqa: S310 - our own address
            for line in answer.read().decode().splitlines():
                if line.startswith(f"{name}{wanted} "):
                    return float(line.rpartition(" ")[2])
        return 0


@contextlib.asynccontextmanager
async def started(backing: Backing, **variables: str) -> AsyncIterator[UserWeb]:
    """Start `user web` on free ports, and wait until it works."""
    async with UserWeb.started("user", "web", "serving", **{**backing.variables, **variables}) as running:
        yield running


def address() -> str:
    """An e-mail address that nobody has."""
    return f"{uuid4().hex}@shop.test"


def create(
    email: str, name: str = "Ada Lovelace", password: str = PASSWORD, key: str | None = None
) -> pb.CreateUserRequest:
    """A request to create a user."""
    return pb.CreateUserRequest(email=email, name=name, password=password, idempotency_key=key)


def login(email: str, password: str = PASSWORD, before: str | None = None) -> pb.LoginRequest:
    """A request to log in."""
    return pb.LoginRequest(email=email, password=password, session_id=before)


def rename(user: pb.User, name: str) -> pb.UpdateProfileRequest:
    """A request to change a name."""
    return pb.UpdateProfileRequest(id=user.id, version=user.version, name=name)


@contextlib.contextmanager
def refused(code: grpc.StatusCode, detail: str = "") -> Iterator[None]:
    """What is called within is refused with this status, and with this text if there is one."""
    with pytest.raises(grpc.aio.AioRpcError) as told:
        yield
    assert (told.value.code(), told.value.details()) == (code, detail or told.value.details())

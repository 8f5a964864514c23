"""Runs `order` as the platform does."""

import contextlib
import subprocess
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc

from chassis_testing import program
from chassis_testing.grpc import RunningServer
from order_service.pb import order_service_pb2 as pb
from order_service.pb.order_service_pb2_grpc import OrderServiceStub

if TYPE_CHECKING:  # exists in the stubs only
    from order_service.pb.order_service_pb2_grpc import OrderServiceAsyncStub


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end."""
    return program.run("order", *arguments, **variables)


@contextlib.asynccontextmanager
async def started(
    database: str, command: str = "web", says: str = "serving", **variables: str
) -> AsyncIterator["Order"]:
    """Start a process of the service on free ports, and wait until it works."""
    async with Order.started("order", command, says, DATABASE_URL=database, **variables) as running:
        yield running


class Order(RunningServer):
    """A running `order web`, or another process of the service."""

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator["OrderServiceAsyncStub"]:
        async with grpc.aio.insecure_channel(self.address) as channel:
            yield OrderServiceStub(channel)


def request(user_id: str = "123", key: str | None = None, **skus: int) -> pb.OrderRequest:
    """Build a request for some items, one of milk if none is named."""
    items = [pb.Item(sku=sku, quantity=quantity) for sku, quantity in (skus or {"milk": 1}).items()]
    return pb.OrderRequest(user_id=user_id, items=items, idempotency_key=key)

"""The process `web`: answers gRPC until it is told to stop."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from chassis.grpc.client import calling
from chassis.grpc.server import Server
from chassis.readiness import Check
from chassis.running import running
from chassis.shutdown import request_timeout_seconds
from chassis.sql.database import opened, ping
from chassis.sql.watch import watch_pool
from order_service import SERVICE
from order_service.pb.order_service_pb2 import DESCRIPTOR
from order_service.pb.order_service_pb2_grpc import add_OrderServiceServicer_to_server
from order_service.service import Orders
from order_service.settings import WebSettings
from order_service.storage.repository import PostgresOrderRepository
from order_service.tracking import Tracker
from order_service.transport.catalogue import TIMEOUT_SECONDS, RemoteCatalogue
from order_service.transport.servicer import OrderServicer

FULL_NAME = DESCRIPTOR.services_by_name["OrderService"].full_name


async def run(settings: WebSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CommandError: the database does not answer at the start, or a port is taken.
    """
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(opened(settings, "order-web"))
        watch_pool(engine)
        replica = None
        if settings.database_replica_url is not None:
            replica = await stack.enter_async_context(opened(settings, "order-web", settings.replica))
        await serve(settings, PostgresOrderRepository(engine, replica), partial(ping, engine))


async def serve(settings: WebSettings, repository: PostgresOrderRepository, database: Check) -> None:
    """Answer from a repository until SIGTERM or SIGINT.

    Args:
        settings: of the process.
        repository: where orders are kept.
        database: tells whether it answers.

    Raises:
        CommandError: the database does not answer at the start, or a port is taken.
    """
    async with AsyncExitStack() as stack:
        catalogue = None
        if settings.catalogue_address is not None:
            remote = await stack.enter_async_context(calling("catalogue", settings.catalogue_address, TIMEOUT_SECONDS))
            catalogue = RemoteCatalogue(remote)
        # Neither the replica nor the catalogue: without them, the rest goes on.
        process = await stack.enter_async_context(running(settings, SERVICE, {"database": database}))
        tracker = Tracker(repository.statuses, process.shutdown, request_timeout_seconds(settings))
        server = Server(settings, SERVICE, FULL_NAME, process.readiness)
        server.add(partial(add_OrderServiceServicer_to_server, OrderServicer(Orders(repository, catalogue), tracker)))
        tracking = asyncio.create_task(tracker.run())
        await server.serve(settings.port, process.shutdown, metrics_port=process.metrics_port)
        await tracking

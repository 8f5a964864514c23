"""The process `web`: answers couriers, and those who wait for them. Kafka is told by the workers."""

from importlib import metadata

from fastapi import FastAPI

from chassis.http.app import application
from chassis.http.server import Server
from chassis.readiness import Readiness
from chassis.redis.client import opened
from chassis.running import running
from delivery_service import SERVICE
from delivery_service.service import Deliveries
from delivery_service.settings import WebSettings
from delivery_service.storage.repository import RedisDeliveryRepository
from delivery_service.transport.rest import routes


async def run(settings: WebSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CommandError: Redis does not answer at the start, or a port is taken.
    """
    async with (
        opened(settings, "delivery-web") as store,
        running(settings, SERVICE, {"redis": store.ping}) as process,
    ):
        app = answering(Deliveries(RedisDeliveryRepository(store)), process.readiness)
        server = Server(settings, SERVICE, app, process.readiness)
        await server.serve(settings.port, process.shutdown, metrics_port=process.metrics_port)


def answering(deliveries: Deliveries, readiness: Readiness) -> FastAPI:
    """Make the application."""
    app = application("Delivery", metadata.version("delivery-service"), "Couriers, and what they bring.", readiness)
    app.include_router(routes(deliveries))
    return app

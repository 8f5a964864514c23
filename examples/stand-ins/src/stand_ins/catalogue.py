"""A catalogue: sells a few articles at fixed prices."""

from functools import partial
from typing import Any, Final

from chassis.grpc.server import Server
from chassis.running import running
from stand_ins.pb.catalogue_service_pb2 import DESCRIPTOR, GetPricesRequest, GetPricesResponse, Price
from stand_ins.pb.catalogue_service_pb2_grpc import CatalogueServiceServicer, add_CatalogueServiceServicer_to_server
from stand_ins.settings import Settings

CURRENCY: Final = "EUR"
PRICES: Final = {"tea": 450, "cup": 890, "milk": 129, "bread": 350}
"""In cents, by sku."""
_SERVICE: Final = DESCRIPTOR.services_by_name["CatalogueService"].full_name


class Catalogue(CatalogueServiceServicer):
    """Answers for the articles above, and leaves out all others."""

    async def GetPrices(self, request: GetPricesRequest, _context: Any) -> GetPricesResponse:  # noqa: N802 - the contract's name
        """Give the prices of those that are sold."""
        sold = [sku for sku in dict.fromkeys(request.skus) if sku in PRICES]
        prices = [Price(sku=sku, unit_amount=PRICES[sku]) for sku in sold]
        return GetPricesResponse(currency=CURRENCY, prices=prices)


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CommandError: a port is taken.
    """
    async with running(settings, "catalogue", {}) as process:
        server = Server(settings, "catalogue", _SERVICE, process.readiness)
        server.add(partial(add_CatalogueServiceServicer_to_server, Catalogue()))
        await server.serve(settings.port, process.shutdown, metrics_port=process.metrics_port)

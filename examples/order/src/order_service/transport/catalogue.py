"""The catalogue as another service that is called."""

from collections.abc import Sequence

from chassis.grpc.client import Remote
from order_service.domain import PriceList
from order_service.pb.catalogue_service_pb2 import GetPricesRequest
from order_service.pb.catalogue_service_pb2_grpc import CatalogueServiceStub

TIMEOUT_SECONDS = 2.0


class RemoteCatalogue:
    """Implements `order_service.service.Catalogue`."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._stub = CatalogueServiceStub(remote.channel)

    async def prices(self, skus: Sequence[str]) -> PriceList:
        """Ask for the prices of those of the articles that are sold.

        Raises:
            UnavailableError: it does not answer, after retries too, or is left alone for a while after many failures.
        """
        answer = await self._remote.call(self._stub.GetPrices, GetPricesRequest(skus=skus))
        return PriceList(answer.currency, {price.sku: price.unit_amount for price in answer.prices})

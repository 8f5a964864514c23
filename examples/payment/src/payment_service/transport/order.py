"""The order service as another service that is called (SP-4, X-2)."""

import grpc

from chassis.grpc.client import Remote
from payment_service.domain import PAID_FOR, Money, Order, OrderStatus
from payment_service.pb import order_service_pb2 as pb
from payment_service.pb.order_service_pb2_grpc import OrderServiceStub

TIMEOUT_SECONDS = 2.0

_MEANS = {
    pb.ORDER_STATUS_PENDING: OrderStatus.PENDING,
    pb.ORDER_STATUS_PAID: OrderStatus.PAID,
    pb.ORDER_STATUS_IN_DELIVERY: OrderStatus.IN_DELIVERY,
    pb.ORDER_STATUS_DELIVERED: OrderStatus.DELIVERED,
    pb.ORDER_STATUS_CANCELLED: OrderStatus.CANCELLED,
}
_DONE = {pb.UpdateStatusesResponse.OUTCOME_CHANGED, pb.UpdateStatusesResponse.OUTCOME_UNCHANGED}


class RemoteOrderBook:
    """Implements `payment_service.saga.OrderBook`; each method raises UnavailableError if there is no answer."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._stub = OrderServiceStub(remote.channel)

    async def find(self, order_id: str) -> Order | None:
        """Return an order, if there is one with this id."""
        try:
            order = (await self._remote.call(self._stub.GetOrder, pb.GetOrderRequest(id=order_id))).order
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise
        total = Money(order.total.currency, order.total.amount) if order.HasField("total") else None
        return Order(order.id, order.user_id, _MEANS[order.status], total)

    async def pay(self, order_id: str) -> bool:
        """Say that an order is paid; tells whether it is, now or because it was before and has gone on since."""
        if await self._change(order_id, pb.ORDER_STATUS_PAID):
            return True
        order = await self.find(order_id)
        return order is not None and order.status in PAID_FOR

    async def cancel(self, order_id: str) -> bool:
        """Say that an order is cancelled; tells whether it is now."""
        return await self._change(order_id, pb.ORDER_STATUS_CANCELLED)

    async def _change(self, order_id: str, status: pb.OrderStatus.ValueType) -> bool:
        change = pb.UpdateStatusesRequest.Change(id=order_id, status=status)
        answer = await self._remote.call(self._stub.UpdateStatuses, pb.UpdateStatusesRequest(changes=[change]))
        return answer.outcomes[0] in _DONE

"""The gRPC service: messages in, domain calls, messages out. Errors become statuses in the interceptor."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from order_service.domain import Item, Order, OrderStatus
from order_service.pb import order_service_pb2 as pb
from order_service.pb.order_service_pb2_grpc import OrderServiceServicer
from order_service.service import Orders

_STATUS = {
    OrderStatus.PENDING: pb.ORDER_STATUS_PENDING,
    OrderStatus.PAID: pb.ORDER_STATUS_PAID,
    OrderStatus.IN_DELIVERY: pb.ORDER_STATUS_IN_DELIVERY,
    OrderStatus.DELIVERED: pb.ORDER_STATUS_DELIVERED,
    OrderStatus.CANCELLED: pb.ORDER_STATUS_CANCELLED,
}


class OrderServicer(OrderServiceServicer):
    """Implements `shop.order.v1.OrderService`."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    async def CreateOrder(self, request: pb.OrderRequest, _context: Any) -> pb.OrderResponse:  # noqa: N802
        """Store a new order."""
        order = await self._orders.create(
            request.user_id,
            [Item(item.sku, item.quantity) for item in request.items],
            request.idempotency_key if request.HasField("idempotency_key") else None,
        )
        return pb.OrderResponse(order=_message(order))

    async def GetOrder(self, request: pb.GetOrderRequest, _context: Any) -> pb.OrderResponse:  # noqa: N802
        """Return one order."""
        return pb.OrderResponse(order=_message(await self._orders.get(request.id)))


def _message(order: Order) -> pb.Order:
    created_at = Timestamp()
    created_at.FromDatetime(order.created_at)
    return pb.Order(
        id=str(order.id),
        user_id=order.user_id,
        items=[pb.Item(sku=item.sku, quantity=item.quantity) for item in order.items],
        status=_STATUS[order.status],
        created_at=created_at,
    )

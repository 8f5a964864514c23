"""The gRPC service: messages in, domain calls, messages out. Errors become statuses in the chassis's interceptor."""

import base64
import binascii
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from order_service.domain import Change, Item, Order, OrderStatus, Outcome, Place
from order_service.errors import InvalidOrderError, OrderNotFoundError
from order_service.pb import order_service_pb2 as pb
from order_service.pb.order_service_pb2_grpc import OrderServiceServicer
from order_service.service import Orders, parse_id
from order_service.tracking import Tracker

_STATUS = {
    OrderStatus.PENDING: pb.ORDER_STATUS_PENDING,
    OrderStatus.PAID: pb.ORDER_STATUS_PAID,
    OrderStatus.IN_DELIVERY: pb.ORDER_STATUS_IN_DELIVERY,
    OrderStatus.DELIVERED: pb.ORDER_STATUS_DELIVERED,
    OrderStatus.CANCELLED: pb.ORDER_STATUS_CANCELLED,
}
_MEANS = {message: status for status, message in _STATUS.items()}
_OUTCOME = {
    Outcome.CHANGED: pb.UpdateStatusesResponse.OUTCOME_CHANGED,
    Outcome.UNCHANGED: pb.UpdateStatusesResponse.OUTCOME_UNCHANGED,
    Outcome.NOT_FOUND: pb.UpdateStatusesResponse.OUTCOME_NOT_FOUND,
    Outcome.REFUSED: pb.UpdateStatusesResponse.OUTCOME_REFUSED,
}


class OrderServicer(OrderServiceServicer):
    """Implements `shop.order.v1.OrderService`."""

    def __init__(self, orders: Orders, tracker: Tracker) -> None:
        self._orders = orders
        self._tracker = tracker

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

    async def ListOrders(self, request: pb.ListOrdersRequest, _context: Any) -> pb.ListOrdersResponse:  # noqa: N802
        """Return a page of a user's orders."""
        page, end = await self._orders.list(request.user_id, _place(request.page_token), request.page_size)
        return pb.ListOrdersResponse(orders=[_message(order) for order in page], next_page_token=_token(end))

    async def TrackOrder(  # noqa: N802
        self, request: pb.TrackOrderRequest, _context: Any
    ) -> AsyncIterator[pb.StatusChange]:
        """Send an order's status now and at each change."""
        key = parse_id(request.id)
        known = False
        if key is not None:
            async for now in self._tracker.follow(key):
                known = True
                yield pb.StatusChange(id=request.id, status=_STATUS[now.status], changed_at=_timestamp(now.since))
        if not known:
            raise OrderNotFoundError("order not found")

    async def UpdateStatuses(  # noqa: N802
        self, request: pb.UpdateStatusesRequest, _context: Any
    ) -> pb.UpdateStatusesResponse:
        """Change the statuses of orders."""
        changes = []
        for n, change in enumerate(request.changes):
            if change.status not in _MEANS:
                raise InvalidOrderError(f"changes[{n}].status", "must be one of the statuses of an order")
            changes.append(Change(change.id, _MEANS[change.status]))
        outcomes = await self._orders.change(changes)
        return pb.UpdateStatusesResponse(outcomes=[_OUTCOME[outcome] for outcome in outcomes])


def _message(order: Order) -> pb.Order:
    return pb.Order(
        id=str(order.id),
        user_id=order.user_id,
        items=[pb.Item(sku=item.sku, quantity=item.quantity) for item in order.items],
        status=_STATUS[order.status],
        created_at=_timestamp(order.created_at),
        total=pb.Money(currency=order.total.currency, amount=order.total.amount) if order.total else None,
    )


def _timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def _token(place: Place | None) -> str:
    """A place as a text that is opaque to clients."""
    if place is None:
        return ""
    return base64.urlsafe_b64encode(json.dumps([place.created_at.isoformat(), place.order_id.hex]).encode()).decode()


def _place(token: str) -> Place | None:
    if not token:
        return None
    try:
        created_at, order_id = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        place = Place(datetime.fromisoformat(created_at), UUID(order_id))
        place.created_at.timestamp()
    except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidOrderError("page_token", "is none that ListOrders has given") from None
    if place.created_at.tzinfo is None:
        raise InvalidOrderError("page_token", "is none that ListOrders has given")
    return place

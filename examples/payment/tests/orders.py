"""An order service: the order service's contract over a real gRPC server, with the same rules for statuses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self
from uuid import UUID, uuid4

import grpc

from chassis_testing.network import free_port
from payment_service.pb import order_service_pb2 as pb
from payment_service.pb.order_service_pb2_grpc import OrderServiceServicer, add_OrderServiceServicer_to_server

PENDING, PAID, CANCELLED = pb.ORDER_STATUS_PENDING, pb.ORDER_STATUS_PAID, pb.ORDER_STATUS_CANCELLED
IN_DELIVERY, DELIVERED = pb.ORDER_STATUS_IN_DELIVERY, pb.ORDER_STATUS_DELIVERED
_FOLLOWS: dict[int, set[int]] = {
    PENDING: {PAID, CANCELLED},
    PAID: {IN_DELIVERY, CANCELLED},
    IN_DELIVERY: {DELIVERED, CANCELLED},
    DELIVERED: set(),
    CANCELLED: set(),
}
_Outcome = pb.UpdateStatusesResponse


class Orders(OrderServiceServicer):
    """Orders, and what goes wrong with them.

    Attributes:
        orders: by id.
        changes: every change that was made.
        traces: of the calls that came.
        hangs: how many calls are to have their effect and no answer.
        unchanging: whether orders can be read only, and whoever would change one is told to come again.
    """

    def __init__(self) -> None:
        self.orders: dict[str, pb.Order] = {}
        self.changes: list[tuple[str, str]] = []
        self.traces: list[str] = []
        self.hangs = 0
        self.unchanging = False
        self.port = free_port()
        self._server: grpc.aio.Server | None = None

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[Self]:
        orders = cls()
        await orders.start()
        try:
            yield orders
        finally:
            await orders.stop()

    async def start(self) -> None:
        self._server = grpc.aio.server()
        add_OrderServiceServicer_to_server(self, self._server)
        self._server.add_insecure_port(self.address)
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(grace=None)
            self._server = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def add(self, amount: int | None = 500, user_id: str = "123", currency: str = "EUR") -> str:
        """Make an order; gives its id."""
        order_id = str(uuid4())
        total = None if amount is None else pb.Money(currency=currency, amount=amount)
        self.orders[order_id] = pb.Order(id=order_id, user_id=user_id, status=PENDING, total=total)
        return order_id

    def status(self, order_id: str) -> int:
        return self.orders[order_id].status

    def set(self, order_id: str, status: pb.OrderStatus.ValueType) -> None:
        """Change an order's status, whatever it was."""
        self.orders[order_id].status = status

    def paid(self, order_id: str) -> int:
        """How often an order was paid."""
        return self.changes.count((order_id, "ORDER_STATUS_PAID"))

    async def GetOrder(self, request: pb.GetOrderRequest, context: Any) -> pb.OrderResponse:  # noqa: N802
        self._note(context)
        try:
            return pb.OrderResponse(order=self.orders[str(UUID(request.id))])
        except (KeyError, ValueError):
            return await context.abort(grpc.StatusCode.NOT_FOUND, "order not found")  # type: ignore[no-any-return]

    async def UpdateStatuses(  # noqa: N802
        self, request: pb.UpdateStatusesRequest, context: Any
    ) -> pb.UpdateStatusesResponse:
        self._note(context)
        if self.unchanging:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        outcomes = [self._change(change) for change in request.changes]
        if self.hangs:
            self.hangs -= 1
            await asyncio.Event().wait()
        return _Outcome(outcomes=outcomes)

    def _change(self, change: pb.UpdateStatusesRequest.Change) -> pb.UpdateStatusesResponse.Outcome.ValueType:
        order = self.orders.get(change.id)
        if order is None:
            return _Outcome.OUTCOME_NOT_FOUND
        if order.status == change.status:
            return _Outcome.OUTCOME_UNCHANGED
        if change.status not in _FOLLOWS[order.status]:
            return _Outcome.OUTCOME_REFUSED
        order.status = change.status
        self.changes.append((order.id, pb.OrderStatus.Name(change.status)))
        return _Outcome.OUTCOME_CHANGED

    def _note(self, context: Any) -> None:
        self.traces.append(dict(context.invocation_metadata()).get("traceparent", "--").split("-")[1])

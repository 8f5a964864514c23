"""Orders at a steady rate, each paid and, when a courier has it, brought; then prints what came of it as JSON.

Runs in a pod, in the payment service's image, whose stubs of the order service it uses: its calls take the way of any
client's. As a client does, it repeats what was not answered, with the same idempotency key.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import httpx
from payment_service.pb.order_service_pb2 import Item, OrderRequest
from payment_service.pb.order_service_pb2_grpc import OrderServiceStub

if TYPE_CHECKING:
    from payment_service.pb.order_service_pb2_grpc import OrderServiceAsyncStub

ORDER, PAYMENT, DELIVERY = (os.environ[name] for name in ("ORDER_ADDRESS", "PAYMENT_URL", "DELIVERY_URL"))
ORDERS, RATE = int(os.environ["ORDERS"]), float(os.environ["RATE"])
USERS = os.environ["USERS"].split(",")
CHANNELS = 4  # connections stay with one pod each: more than one, so that every pod has callers
COURIERS = 60
REPORT_SECONDS = 20.0  # who says nothing for minutes gets no order
PATIENCE_SECONDS = 600.0  # for one step of one order: who waits longer has lost it
PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 4.0
ACCEPTED = (HTTPStatus.OK, HTTPStatus.CREATED)


async def tries() -> AsyncIterator[None]:
    """Again and again, after longer and longer pauses: each try takes time from the work that is waited for."""
    seconds = PAUSE_SECONDS
    while True:
        yield
        await asyncio.sleep(seconds)
        seconds = min(2 * seconds, LONGEST_PAUSE_SECONDS)


class Customers:
    """What became of the orders, and what had to be asked again."""

    def __init__(self, services: "list[OrderServiceAsyncStub]", http: dict[str, httpx.AsyncClient]) -> None:
        self.repeated: Counter[str] = Counter()
        self.accepted: list[str] = []
        self.lost: list[str] = []
        self.seconds: list[float] = []
        self._services = services
        self._http = http

    async def one(self, number: int) -> None:
        """Order, pay, wait for the courier, and be brought it."""
        user = USERS[number % len(USERS)]
        order_id, step, begun = "", "order", time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                order_id = await self._order(number, user)
            self.accepted.append(order_id)
            step = "pay"
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._pay(order_id)
            step = "bring"
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._bring(order_id)
            self.seconds.append(time.monotonic() - begun)
        except Exception as error:  # noqa: BLE001 what ends an order's way is what is told
            self.lost.append(f"{number}, {order_id}, {step}: {error!r}")

    async def ride(self, courier_id: str) -> None:
        """Be a courier, who also brings what nobody waits for: of customers who are no longer there."""
        place = {"latitude": 52.5208, "longitude": 13.4094, "available": True}
        while True:
            answer = await self._ask("delivery", "PUT", f"{DELIVERY}/v1/couriers/{courier_id}", json=place)
            order_id = _said(answer).get("order_id")
            if order_id:
                await self._brought(order_id, courier_id)
            await asyncio.sleep(PAUSE_SECONDS if order_id else REPORT_SECONDS)

    async def _order(self, number: int, user: str) -> str:
        request = OrderRequest(user_id=user, items=[Item(sku="tea", quantity=1)], idempotency_key=uuid4().hex)
        async for _ in tries():
            try:
                made = await self._services[number % CHANNELS].CreateOrder(request, timeout=10)
            except grpc.aio.AioRpcError as error:
                self.repeated[f"order {error.code().name}"] += 1
            else:
                return str(made.order.id)
        raise AssertionError

    async def _pay(self, order_id: str) -> None:
        body, headers = {"order_id": order_id, "payment_method": "pm_card_visa"}, {"Idempotency-Key": order_id}
        async for _ in tries():
            answer = await self._ask("payment", "POST", f"{PAYMENT}/v1/payments", json=body, headers=headers)
            if _said(answer).get("status") == "succeeded":
                return

    async def _bring(self, order_id: str) -> None:
        async for _ in tries():
            delivery = _said(await self._ask("delivery", "GET", f"{DELIVERY}/v1/deliveries/{order_id}"))
            if delivery.get("state") == "completed":
                return
            if delivery.get("state") == "assigned":
                await self._brought(order_id, delivery["courier_id"])

    async def _brought(self, order_id: str, courier_id: str) -> None:
        url = f"{DELIVERY}/v1/deliveries/{order_id}/complete"
        await self._ask("delivery", "POST", url, json={"courier_id": courier_id})

    async def _ask(self, service: str, method: str, url: str, **request: object) -> httpx.Response | None:
        try:
            answer = await self._http[service].request(method, url, **request)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            self.repeated[f"{service} {type(error).__name__}"] += 1
            return None
        if answer.status_code not in (*ACCEPTED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
            self.repeated[f"{service} {answer.status_code}"] += 1
        return answer


def _said(answer: httpx.Response | None) -> dict[str, Any]:
    """What an answer tells; nothing when there was none, or it was no success."""
    return dict(answer.json()) if answer is not None and answer.status_code in ACCEPTED else {}


async def main() -> None:
    """Begin an order each 1/RATE seconds, whatever became of those before."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    services = [OrderServiceStub(grpc.aio.insecure_channel(ORDER, options)) for _ in range(CHANNELS)]
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=20, keepalive_expiry=2)
    async with (  # one each: who waits for payments keeps nobody from a delivery
        httpx.AsyncClient(timeout=20, limits=limits) as payment,
        httpx.AsyncClient(timeout=20, limits=limits) as delivery,
    ):
        customers, begun = Customers(services, {"payment": payment, "delivery": delivery}), time.monotonic()
        riding = [asyncio.create_task(customers.ride(f"courier-{number}")) for number in range(COURIERS)]
        async with asyncio.TaskGroup() as group:
            for number in range(ORDERS):
                group.create_task(customers.one(number))
                await asyncio.sleep(max(0.0, begun + (number + 1) / RATE - time.monotonic()))
                if not number:
                    sys.stdout.write("ordering\n")
                    sys.stdout.flush()
        for courier in riding:
            courier.cancel()
    of_an_order = sorted(customers.seconds) or [0.0]
    result = {
        "accepted": customers.accepted,
        "lost": customers.lost,
        "repeated": customers.repeated,
        "seconds": round(time.monotonic() - begun, 1),
        "of an order": {"median": round(of_an_order[len(of_an_order) // 2], 1), "longest": round(of_an_order[-1], 1)},
    }
    sys.stdout.write(json.dumps(result) + "\n")


asyncio.run(main())

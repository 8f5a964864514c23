"""Calls the order service at a steady rate until /tmp/stop exists, then prints what came of it as one JSON object.

Runs in a pod, in the order service's image, so that its calls take the way of any client's: DNS, the Service,
kube-proxy. It retries nothing itself: whatever fails here would fail in a client.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import grpc
from order_service.pb.order_service_pb2 import GetOrderRequest, Item, OrderRequest
from order_service.pb.order_service_pb2_grpc import OrderServiceStub

STOP = Path("/tmp/stop")  # noqa: S108 the pod's own scratch space
CHANNELS = 4  # connections stay with one pod each: more than one, so that every pod has callers
SECONDS = 10


async def main(address: str, rate: float) -> None:
    channels = [grpc.aio.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(CHANNELS)]
    services = [OrderServiceStub(channel) for channel in channels]
    errors: list[str] = []
    calls, slowest = 0, 0.0

    async def call(number: int) -> None:
        nonlocal slowest
        service = services[number % CHANNELS]
        begun = time.monotonic()
        try:
            made = await service.CreateOrder(
                OrderRequest(user_id="load", items=[Item(sku="tea", quantity=1)]), timeout=SECONDS
            )
            await service.GetOrder(GetOrderRequest(id=made.order.id), timeout=SECONDS)
        except grpc.aio.AioRpcError as error:
            errors.append(f"{time.strftime('%H:%M:%S')} {error.code().name}: {error.details()}")
        slowest = max(slowest, time.monotonic() - begun)

    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        while not STOP.exists():  # noqa: ASYNC240 a look at a file in memory
            group.create_task(call(calls))
            calls += 1
            await asyncio.sleep(max(0.0, begun + calls / rate - time.monotonic()))
            if calls == 1:
                sys.stdout.write("calling\n")
                sys.stdout.flush()
    result = {
        "calls": calls,
        "errors": errors,
        "seconds": round(time.monotonic() - begun, 1),
        "slowest": round(slowest, 3),
    }
    sys.stdout.write(json.dumps(result) + "\n")


asyncio.run(main(os.environ["ADDRESS"], float(os.environ["RATE"])))

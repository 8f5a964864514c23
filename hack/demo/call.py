"""Creates an order and reads it back. Run in the order service's own environment, with the client generated there.

Usage: python call.py HOST:PORT [--user ID] [--traceparent VALUE], or --read ID for an order that is there. Prints one
JSON object per answer; exits with 1 and the gRPC status if there is none.
"""

import argparse
import json
import sys
from collections.abc import Iterator

import grpc
from google.protobuf.json_format import MessageToDict
from order_service.pb.order_service_pb2 import GetOrderRequest, Item, Order, OrderRequest
from order_service.pb.order_service_pb2_grpc import OrderServiceStub

SECONDS = 20


def create(service: OrderServiceStub, user: str, traceparent: str) -> Iterator[tuple[str, Order]]:
    """Call CreateOrder, then GetOrder with the id it answered."""
    request = OrderRequest(user_id=user, items=[Item(sku="tea", quantity=2), Item(sku="cup", quantity=1)])
    metadata = (("traceparent", traceparent),) if traceparent else ()
    created = service.CreateOrder(request, timeout=SECONDS, wait_for_ready=True, metadata=metadata)
    yield "CreateOrder", created.order
    yield from read(service, created.order.id)


def read(service: OrderServiceStub, order_id: str) -> Iterator[tuple[str, Order]]:
    """Call GetOrder."""
    answer = service.GetOrder(GetOrderRequest(id=order_id), timeout=SECONDS, wait_for_ready=True)
    yield "GetOrder", answer.order


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="call.py", description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--user", default="demo")
    parser.add_argument("--traceparent", default="")
    parser.add_argument("--read", metavar="ID")
    given = parser.parse_args()
    with grpc.insecure_channel(given.address) as channel:
        service = OrderServiceStub(channel)
        try:
            answers = [*(read(service, given.read) if given.read else create(service, given.user, given.traceparent))]
        except grpc.RpcError as error:
            sys.stderr.write(f"{error.code().name}: {error.details()}\n")
            return 1
    for name, order in answers:
        sys.stdout.write(json.dumps({name: MessageToDict(order)}) + "\n")
    return 0 if answers[0][1] == answers[-1][1] else 1


if __name__ == "__main__":
    raise SystemExit(main())

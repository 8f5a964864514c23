"""Creates an order and reads it back. Run in the order service's own environment, with the client generated there.

Usage: python call.py HOST:PORT. Prints one JSON object per answer; exits with 1 and the gRPC status if there is none.
"""

import json
import sys

import grpc
from google.protobuf.json_format import MessageToDict
from order_service.pb.order_service_pb2 import GetOrderRequest, Item, OrderRequest
from order_service.pb.order_service_pb2_grpc import OrderServiceStub

SECONDS = 20


def main(address: str) -> int:
    """Call CreateOrder, then GetOrder with the id it answered."""
    with grpc.insecure_channel(address) as channel:
        service = OrderServiceStub(channel)
        request = OrderRequest(user_id="demo", items=[Item(sku="tea", quantity=2), Item(sku="cup", quantity=1)])
        try:
            created = service.CreateOrder(request, timeout=SECONDS, wait_for_ready=True)
            read = service.GetOrder(GetOrderRequest(id=created.order.id), timeout=SECONDS)
        except grpc.RpcError as error:
            sys.stderr.write(f"{error.code().name}: {error.details()}\n")
            return 1
    for name, answer in (("CreateOrder", created), ("GetOrder", read)):
        sys.stdout.write(json.dumps({name: MessageToDict(answer.order)}) + "\n")
    return 0 if read.order == created.order else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))

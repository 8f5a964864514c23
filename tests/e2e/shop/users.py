"""Creates users. Run in the user service's own environment; prints their ids, a line each.

Usage: python users.py HOST:PORT NUMBER
"""

import asyncio
import secrets
import sys
from typing import TYPE_CHECKING

import grpc
from user_service.pb.user_service_pb2 import CreateUserRequest
from user_service.pb.user_service_pb2_grpc import UserServiceStub

if TYPE_CHECKING:
    from user_service.pb.user_service_pb2_grpc import UserServiceAsyncStub

AT_ONCE = 2
AGAIN = {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}


async def asked(service: "UserServiceAsyncStub", request: CreateUserRequest) -> str:
    """Ask until it is answered, as a client does: the same key makes the same user."""
    while True:
        try:
            user = await service.CreateUser(request, timeout=20, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            if error.code() not in AGAIN:
                raise
        else:
            return str(user.id)


async def main(address: str, number: int) -> None:
    """Create them, a few at a time: each password takes a while to hash."""
    batch, free = secrets.token_hex(4), asyncio.Semaphore(AT_ONCE)
    async with grpc.aio.insecure_channel(address) as channel:
        service = UserServiceStub(channel)

        async def create(each: int) -> str:
            request = CreateUserRequest(
                email=f"user-{batch}-{each}@shop.test",
                name="Ada",
                password=secrets.token_hex(8),
                idempotency_key=f"{each}-{batch}",
            )
            async with free:
                return await asked(service, request)

        for user_id in await asyncio.gather(*map(create, range(number))):
            sys.stdout.write(f"{user_id}\n")


asyncio.run(main(sys.argv[1], int(sys.argv[2])))

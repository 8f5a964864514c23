"""Creates users. Run in the user service's own environment; prints their ids, a line each.

Usage: python users.py HOST:PORT NUMBER
"""

import asyncio
import secrets
import sys

import grpc
from user_service.pb.user_service_pb2 import CreateUserRequest
from user_service.pb.user_service_pb2_grpc import UserServiceStub

AT_ONCE = 4


async def main(address: str, number: int) -> None:
    """Create them, a few at a time: each password takes a while to hash."""
    batch, free = secrets.token_hex(4), asyncio.Semaphore(AT_ONCE)
    async with grpc.aio.insecure_channel(address) as channel:
        service = UserServiceStub(channel)

        async def create(each: int) -> str:
            request = CreateUserRequest(
                email=f"user-{batch}-{each}@shop.test",
                name="",
                password=secrets.token_hex(8),
                idempotency_key=f"{each}-{batch}",
            )
            async with free:
                user = await service.CreateUser(request, timeout=60, wait_for_ready=True)
            return str(user.id)

        for user_id in await asyncio.gather(*map(create, range(number))):
            sys.stdout.write(f"{user_id}\n")


asyncio.run(main(sys.argv[1], int(sys.argv[2])))

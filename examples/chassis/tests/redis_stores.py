"""Connections to the tests' Redis, each as those of a process of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from chassis.redis.client import Store, opened
from chassis.redis.settings import RedisSettings
from chassis_testing.network import HOST
from chassis_testing.redis import Redis


@asynccontextmanager
async def stores(server: Redis, processes: int = 1) -> AsyncIterator[list[Store]]:
    """Open stores of one database, that of nobody else."""
    database = int(server.database().rpartition("/")[2])
    settings = RedisSettings(redis_addr=f"{HOST}:{server.port}", redis_db=database)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(opened(settings, "tests")) for _ in range(processes)]

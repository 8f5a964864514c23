"""Run by test_locks: holds a lock for a moment, is paused before it writes, and says what became of the write."""

import asyncio
import os
import signal
import sys

from chassis.redis.client import opened
from chassis.redis.locks import Fenced, LockLostError, Locks
from chassis.redis.settings import RedisSettings

WRITE = Fenced("write", "return redis.call('SET', KEYS[2], ARGV[2])")


async def main(address: str, database: str) -> None:
    async with opened(RedisSettings(redis_addr=address, redis_db=int(database)), "paused") as store:
        held = await Locks(store, seconds=0.2).take("task")
        assert held is not None
        os.kill(os.getpid(), signal.SIGSTOP)
        try:
            await WRITE.run(store, held, ["value"], ["old"])
        except LockLostError:
            sys.stdout.write("refused")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""Scripts in Lua: several steps that Redis does as one, with nobody in between (CA-1).

They may name keys besides those that they are given, which a cluster of several Redis servers would refuse: one server
holds all that a service keeps.
"""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from chassis.redis.client import Store

Argument = str | int | float


class Script:
    """Some Lua. Redis keeps it by its digest, and is sent the text only when it does not know that."""

    def __init__(self, what: str, lua: str) -> None:
        """Take a script.

        Args:
            what: the kind of thing that it does, as of `Store.ask`.
            lua: the text. It is run again when an answer was lost: twice must be as good as once.
        """
        self._what = what
        self._lua = lua

    async def run(self, store: Store, keys: Sequence[str] = (), args: Sequence[Argument] = ()) -> Any:
        """Run it, with KEYS and ARGV; gives what it returns.

        Raises:
            RedisUnavailableError: there is no answer.
            redis.RedisError: Redis, or the script, refuses.
        """

        async def work(client: Redis) -> Any:
            return await client.register_script(self._lua)(keys=keys, args=args)

        return await store.ask(self._what, work)

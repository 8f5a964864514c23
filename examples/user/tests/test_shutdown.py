"""SU-3, F9-3: a login that takes long is seen, and finished when the process is told to end meanwhile."""

import asyncio

from processes import Backing, UserWeb, address, create, login, started

from chassis_testing.waiting import wait_until

DEAR = {
    "ARGON2_MEMORY_KIB": "65536",
    "ARGON2_TIME_COST": "8",
    "SHUTDOWN_DRAIN_SECONDS": "9",
    "SLOW_SECONDS": "0.01",
}


def compares(process: UserWeb) -> bool:
    return process.metric("user_passwords_in_progress") == 1


async def test_sigterm_finishes_a_login_in_progress(backing: Backing, user: UserWeb) -> None:
    email = address()
    async with started(backing, **DEAR) as slow, slow.client() as client:
        created = await client.CreateUser(create(email))
        call = asyncio.ensure_future(client.Login(login(email)))
        assert await asyncio.to_thread(wait_until, lambda: compares(slow), 30)
        slow.terminate()
        await slow.said("draining")
        assert not call.done()
        assert await slow.health() == "NOT_SERVING"
        assert await slow.health("liveness") == "SERVING"
        begun = await call
        assert await slow.ended() == 0
        await slow.said("stopped")
        line = await slow.said("request", method="Login", code="OK")
    assert begun.user == created
    assert (line["level"], line["user_id"]) == ("warning", created.id)
    async with user.client() as client:
        assert (await client.Login(login(email))).session_id != begun.session_id

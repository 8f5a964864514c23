"""What goes on without MongoDB, what without Redis, and that all of it comes back."""

import asyncio

import grpc
from processes import UserWeb, address, create, login, refused, rename

from chassis_testing.mongodb import MongoDB
from chassis_testing.program import eventually
from chassis_testing.redis import Redis
from user_service.pb import user_service_pb2 as pb

SERVICES = ("", "liveness", "readiness", "shop.user.v1.UserService")


async def healths(user: UserWeb) -> list[str]:
    return [await user.health(service) for service in SERVICES]


async def readiness_is(user: UserWeb, expected: str) -> None:
    async def asked() -> bool:
        return await user.health("readiness") == expected

    await eventually(asked, f"does not become {expected}")


async def test_without_mongodb_it_is_not_ready_and_sessions_go_on(user: UserWeb, mongodb: MongoDB) -> None:
    email = address()
    async with user.client() as client:
        created = await client.CreateUser(create(email))
        begun = await client.Login(login(email))
        assert await healths(user) == ["SERVING"] * 4
        mongodb.kill()
        try:
            for call in (
                client.GetUser(pb.GetUserRequest(id=created.id)),
                client.CreateUser(create(address())),
                client.UpdateProfile(rename(created, "Countess")),
                client.Login(login(email)),
            ):
                with refused(grpc.StatusCode.UNAVAILABLE):
                    await call
            await readiness_is(user, "NOT_SERVING")
            assert await healths(user) == ["SERVING", "SERVING", "NOT_SERVING", "NOT_SERVING"]
            assert await client.GetSession(pb.GetSessionRequest(session_id=begun.session_id))
        finally:
            await asyncio.to_thread(mongodb.start)
        await readiness_is(user, "SERVING")
        assert await client.GetUser(pb.GetUserRequest(id=created.id)) == created
        assert (await client.UpdateProfile(rename(created, "Countess"))).version == 2
        assert await client.Login(login(email))
    await user.said("ready again", needs="mongodb")


async def test_a_restart_of_mongodb_costs_its_callers_nothing(user: UserWeb, mongodb: MongoDB) -> None:
    async with user.client() as client:
        created = await client.CreateUser(create(address()))
        await asyncio.gather(*(client.GetUser(pb.GetUserRequest(id=created.id)) for _ in range(10)))
        await asyncio.to_thread(mongodb.restart)
        changed = await client.UpdateProfile(rename(created, "Countess"))
        found = await asyncio.gather(*(client.GetUser(pb.GetUserRequest(id=created.id)) for _ in range(10)))
    assert found == [changed] * 10


async def test_without_redis_nobody_logs_in_and_the_rest_goes_on(user: UserWeb, redis_server: Redis) -> None:
    email = address()
    async with user.client() as client:
        created = await client.CreateUser(create(email))
        begun = await client.Login(login(email))
        compared = user.metric("user_password_duration_seconds_count")
        redis_server.kill()
        try:
            for call in (
                client.Login(login(email)),
                client.Login(login(email, "wrong password")),
                client.GetSession(pb.GetSessionRequest(session_id=begun.session_id)),
                client.Logout(pb.LogoutRequest(session_id=begun.session_id)),
            ):
                with refused(grpc.StatusCode.UNAVAILABLE, "a store is unavailable, try again"):
                    await call
            assert user.metric("user_password_duration_seconds_count") == compared, "passwords are tried without limit"
            changed = await client.UpdateProfile(rename(created, "Countess"))
            assert await client.GetUser(pb.GetUserRequest(id=created.id)) == changed
            assert await client.CreateUser(create(address()))
            assert await healths(user) == ["SERVING"] * 4
            assert user.metric("rate_limit_requests_total", limit="api", outcome="unchecked") == 2
        finally:
            await asyncio.to_thread(redis_server.start)
        assert await client.GetSession(pb.GetSessionRequest(session_id=begun.session_id))
        assert await client.Login(login(email))
    await user.said("not limited: nobody counts", limit="api")

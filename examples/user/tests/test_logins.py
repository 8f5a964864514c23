"""SU-3, SU-5, SU-6, W-19: logins and sessions over the wire, on two replicas."""

from typing import Any

import grpc
from processes import PASSWORD, Backing, UserWeb, address, create, login, refused, started
from pymongo.asynchronous.database import AsyncDatabase

from user_service.pb import user_service_pb2 as pb

Replicas = tuple[UserWeb, UserWeb]
DENIED = (grpc.StatusCode.UNAUTHENTICATED, "e-mail address or password is wrong")


async def test_a_session_of_one_replica_goes_on_at_the_other_until_it_is_ended(replicas: Replicas) -> None:
    """F6-6."""
    email = address()
    async with replicas[0].client() as one, replicas[1].client() as other:
        user = await one.CreateUser(create(email))
        begun = await one.Login(login(f" {email.upper()}"))
        assert begun.user == user
        assert begun.session.user_id == user.id
        assert 3590 <= begun.session.expires_at.seconds - begun.session.created_at.seconds <= 3600
        found = await other.GetSession(pb.GetSessionRequest(session_id=begun.session_id))
        assert (found.user_id, found.created_at) == (user.id, begun.session.created_at)
        await replicas[1].said("request", method="GetSession", user_id=user.id)
        for _ in range(2):
            await other.Logout(pb.LogoutRequest(session_id=begun.session_id))
        with refused(grpc.StatusCode.NOT_FOUND, "session not found"):
            await one.GetSession(pb.GetSessionRequest(session_id=begun.session_id))


async def test_a_session_outlives_the_process_that_began_it(backing: Backing, user: UserWeb) -> None:
    email = address()
    async with started(backing) as short, short.client() as client:
        await client.CreateUser(create(email))
        begun = await client.Login(login(email))
        short.kill()
        await short.ended()
    async with user.client() as client:
        found = await client.GetSession(pb.GetSessionRequest(session_id=begun.session_id))
    assert found.user_id == begun.user.id


async def test_a_login_makes_a_new_id_and_ends_the_session_before(user: UserWeb) -> None:
    """W-19: an id of the client's own is never a session, and a known one is not kept."""
    email = address()
    async with user.client() as client:
        await client.CreateUser(create(email))
        own = "A" * 43
        first = await client.Login(login(email, before=own))
        second = await client.Login(login(email, before=first.session_id))
        assert len({own, first.session_id, second.session_id}) == 3
        for ended in (own, first.session_id):
            with refused(grpc.StatusCode.NOT_FOUND):
                await client.GetSession(pb.GetSessionRequest(session_id=ended))
        with refused(*DENIED):
            await client.Login(login(email, "wrong", before=second.session_id))
        assert await client.GetSession(pb.GetSessionRequest(session_id=second.session_id))


async def test_a_wrong_password_and_an_address_of_nobody_are_told_alike(user: UserWeb) -> None:
    email = address()
    async with user.client() as client:
        created = await client.CreateUser(create(email))
        wrong = [
            login(email, f"{PASSWORD}!"),
            login(address()),
            login("no address"),
            login(email, ""),
            login(email, PASSWORD * 1000),
        ]
        compared = user.metric("user_password_duration_seconds_count")
        for request in wrong:
            with refused(*DENIED):
                await client.Login(request)
    assert user.metric("user_password_duration_seconds_count") == compared + len(wrong), "some were told faster"
    await user.said("login denied", user_id=created.id, known=True)
    await user.said("login denied", known=False)


async def test_too_many_attempts_are_refused_whether_or_not_anybody_has_the_address(strict: UserWeb) -> None:
    """SU-6, X-6."""
    email = address()
    async with strict.client() as client:
        await client.CreateUser(create(email))
        for each in (email, address()):
            for _ in range(5):
                with refused(*DENIED):
                    await client.Login(login(each, "wrong"))
            with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many requests; wait a moment"):
                await client.Login(login(each.upper()))
    assert strict.metric("rate_limit_requests_total", limit="login", outcome="refused") == 2


async def test_a_profile_is_changed_only_so_often(strict: UserWeb) -> None:
    async with strict.client() as client:
        user = await client.CreateUser(create(address()))
        for n in range(5):
            user = await client.UpdateProfile(pb.UpdateProfileRequest(id=user.id, version=user.version, name=f"{n}"))
        with refused(grpc.StatusCode.RESOURCE_EXHAUSTED):
            await client.UpdateProfile(pb.UpdateProfileRequest(id=user.id, version=user.version, name="Ada"))
        assert await client.GetUser(pb.GetUserRequest(id=user.id)) == user


async def test_a_login_keeps_the_password_at_todays_cost(
    user: UserWeb, strict: UserWeb, database: AsyncDatabase[dict[str, Any]]
) -> None:
    async def kept() -> str:
        document = await database.users.find_one({"email": email})
        return str(document and document["password"])

    email = address()
    async with user.client() as client, strict.client() as dearer:
        await client.CreateUser(create(email))
        before = await kept()
        await client.Login(login(email))
        assert await kept() == before
        begun = await dearer.Login(login(email))
        after = await kept()
        assert before.startswith("$argon2id$v=19$m=64,t=1,p=1$")
        assert after.startswith("$argon2id$v=19$m=64,t=2,p=1$")
        await dearer.Login(login(email))
        assert await kept() == after
    await strict.said("password renewed", user_id=begun.user.id)


async def test_no_log_shows_what_nobody_may_know(strict: UserWeb, database: AsyncDatabase[dict[str, Any]]) -> None:
    """Passwords, what is kept of them, ids of sessions and addresses, at LOG_LEVEL debug."""
    email, wrong = address(), "wr0ng-Pa55word"
    async with strict.client() as client:
        user = await client.CreateUser(create(email, key="once"))
        await client.CreateUser(create(email, key="once"))
        begun = await client.Login(login(email))
        for request in (login(email, wrong), login(address(), wrong)):
            with refused(*DENIED):
                await client.Login(request)
        with refused(grpc.StatusCode.ALREADY_EXISTS):
            await client.CreateUser(create(email))
        await client.GetSession(pb.GetSessionRequest(session_id=begun.session_id))
        await client.Logout(pb.LogoutRequest(session_id=begun.session_id))
        document = await database.users.find_one({"email": email})
        await strict.said("request", method="Logout")
    assert document
    said = str(strict.lines)
    assert user.id in said
    assert "pymongo" in said or "Connection" in said, "nothing is logged at debug, so this would prove nothing"
    for secret in (PASSWORD, wrong, begun.session_id, str(document["password"]), "argon2id", email, "@shop.test"):
        assert secret not in said

"""Users over the wire, on two replicas with a real database."""

import asyncio
from typing import Any
from uuid import uuid4

import grpc
import pytest
from processes import PASSWORD, UserWeb, address, create, refused, rename
from pymongo.asynchronous.database import AsyncDatabase

from user_service.pb import user_service_pb2 as pb

Replicas = tuple[UserWeb, UserWeb]


async def called(*calls: Any) -> tuple[list[Any], list[grpc.StatusCode]]:
    """The answers of calls at once, and the statuses of those that were refused."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    answers = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    return answers, [outcome.code() for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]


async def test_creates_and_returns_a_user(user: UserWeb) -> None:
    """SU-1."""
    email = address()
    async with user.client() as client:
        created = await client.CreateUser(create(email.upper()))
        found = await client.GetUser(pb.GetUserRequest(id=created.id))
    assert found == created
    assert (found.email, found.name, found.version) == (email, "Ada Lovelace", 1)
    assert found.created_at.seconds > 0
    await user.said("user created", user_id=created.id)
    await user.said("request", method="GetUser", user_id=created.id)


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (create("ada"), "email: must be an address, such as ada@example.com"),
        (create("ada@shop.test", name=" "), "name: must not be empty"),
        (create("ada@shop.test", password="secret"), "password: must have 8 to 128 characters"),  # noqa: S106
        (create("ada@shop.test", key=""), "idempotency_key: must not be empty"),
    ],
)
async def test_a_wrong_field_is_named(user: UserWeb, bad: pb.CreateUserRequest, detail: str) -> None:
    async with user.client() as client:
        with refused(grpc.StatusCode.INVALID_ARGUMENT, detail):
            await client.CreateUser(bad)


@pytest.mark.parametrize("unknown", [str(uuid4()), "no-uuid", ""])
async def test_an_unknown_user_is_not_found(user: UserWeb, unknown: str) -> None:
    async with user.client() as client:
        with refused(grpc.StatusCode.NOT_FOUND, "user not found"):
            await client.GetUser(pb.GetUserRequest(id=unknown))
        with refused(grpc.StatusCode.NOT_FOUND, "user not found"):
            await client.UpdateProfile(pb.UpdateProfileRequest(id=unknown, version=1, name="Ada"))


async def test_an_address_belongs_to_one_user_whoever_asks_at_once(
    replicas: Replicas, database: AsyncDatabase[dict[str, Any]]
) -> None:
    email = address()
    async with replicas[0].client() as one, replicas[1].client() as other:
        answers, codes = await called(*(client.CreateUser(create(email)) for _ in range(8) for client in (one, other)))
    assert len(answers) == 1
    assert codes == [grpc.StatusCode.ALREADY_EXISTS] * 15
    assert await database.users.count_documents({"email": email}) == 1


async def test_a_repeated_request_makes_one_user(replicas: Replicas, database: AsyncDatabase[dict[str, Any]]) -> None:
    """SU-2, X-8."""
    email, key = address(), uuid4().hex
    async with replicas[0].client() as one, replicas[1].client() as other:
        answers, codes = await called(
            *(client.CreateUser(create(email, key=key)) for _ in range(8) for client in (one, other))
        )
        assert codes == []
        assert len({answer.id for answer in answers}) == 1
        assert await database.users.count_documents({"origin.key": key}) == 1
        for different in (
            create(address(), key=key),
            create(email, name="Grace Hopper", key=key),
            create(email, password=f"{PASSWORD}!", key=key),
        ):
            with refused(grpc.StatusCode.ALREADY_EXISTS, "idempotency_key: belongs to another request"):
                await one.CreateUser(different)
        with refused(grpc.StatusCode.ALREADY_EXISTS, "email: belongs to somebody"):
            await one.CreateUser(create(email, key=uuid4().hex))
        changed = await one.UpdateProfile(rename(answers[0], "Countess"))
        assert await other.CreateUser(create(email, key=key)) == changed


async def test_a_change_names_the_version_that_it_changes(user: UserWeb) -> None:
    """SU-4, LG-8: a conflict is told to the caller, in the log and in a metric."""
    before = user.metric("user_profile_conflicts_total")
    async with user.client() as client:
        first = await client.CreateUser(create(address()))
        second = await client.UpdateProfile(rename(first, "Countess"))
        assert (second.name, second.email, second.version) == ("Countess", first.email, 2)
        with refused(grpc.StatusCode.ABORTED, "version: is 2 by now, not 1; read the user again"):
            await client.UpdateProfile(rename(first, "Enchantress"))
        assert await client.GetUser(pb.GetUserRequest(id=first.id)) == second
    line = await user.said("profile conflict", user_id=first.id)
    assert (line["expected"], line["found"], line["level"]) == (1, 2, "warning")
    assert user.metric("user_profile_conflicts_total") == before + 1


async def test_of_changes_at_once_one_is_made_and_none_is_lost(replicas: Replicas) -> None:
    """SU-4, LG-5."""
    async with replicas[0].client() as one, replicas[1].client() as other:
        first = await one.CreateUser(create(address()))
        answers, codes = await called(
            *(client.UpdateProfile(rename(first, f"{n}")) for n in range(8) for client in (one, other))
        )
        assert len(answers) == 1
        assert codes == [grpc.StatusCode.ABORTED] * 15
        assert await one.GetUser(pb.GetUserRequest(id=first.id)) == answers[0]

        async def add(client: Any, letter: str) -> None:
            """Read, change, and again from the beginning if somebody else was faster."""
            while True:
                found = await client.GetUser(pb.GetUserRequest(id=first.id))
                try:
                    await client.UpdateProfile(rename(found, f"{found.name}{letter}"))
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.ABORTED:
                        raise
                else:
                    return

        await asyncio.gather(
            *(add(client, letter) for client, letter in zip([one, other] * 4, "abcdefgh", strict=True))
        )
        last = await one.GetUser(pb.GetUserRequest(id=first.id))
    assert last.version == 2 + 8
    assert sorted(last.name.lstrip("0123456789")) == list("abcdefgh")
    await replicas[0].said("profile changes at once", user_id=first.id)


async def test_an_address_of_somebody_else_is_refused_and_ones_own_may_change(user: UserWeb) -> None:
    mine, others = address(), address()
    async with user.client() as client:
        await client.CreateUser(create(others))
        first = await client.CreateUser(create(mine))
        with refused(grpc.StatusCode.ALREADY_EXISTS, "email: belongs to somebody"):
            await client.UpdateProfile(pb.UpdateProfileRequest(id=first.id, version=1, email=others))
        moved = await client.UpdateProfile(pb.UpdateProfileRequest(id=first.id, version=1, email=address()))
        assert (moved.version, moved.name) == (2, first.name)
        await client.CreateUser(create(mine))

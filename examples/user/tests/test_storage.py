"""X-4, X-8: a command whose answer was lost is sent again, and what it did the first time is known again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

import pytest
from processes import Backing, address
from pydantic import SecretStr

from chassis.mongo.client import Database, Documents, connected
from chassis.mongo.settings import MongoSettings
from user_service.domain import Account, Change, Origin, new_user
from user_service.errors import EmailTakenError
from user_service.storage.users import MongoUserRepository

T = TypeVar("T")


class AnswerLost(Documents):
    """Does all work twice, as if the first answer had not come."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._real = database

    async def ask(self, work: Callable[[Database], Awaitable[T]]) -> T:
        await work(self._real)
        return await work(self._real)


@pytest.fixture
async def repository(backing: Backing) -> AsyncIterator[MongoUserRepository]:
    async with connected(MongoSettings(mongo_url=SecretStr(backing.mongo_url)), "tests") as database:
        yield MongoUserRepository(AnswerLost(database))


def somebody(key: str | None = None) -> Account:
    user = new_user(uuid4(), datetime.now(UTC), address(), "Ada")
    return Account(user, "kept", Origin(key, user.email, user.name) if key else None)


async def test_who_was_stored_before_is_found_and_not_in_the_way(repository: MongoUserRepository) -> None:
    for account in (somebody(), somebody(uuid4().hex)):
        assert await repository.add(account) == account
        assert await repository.find(account.user.id) == account.user
        assert await repository.find_by_email(account.user.email) == account


async def test_who_has_the_key_is_in_the_way_before_who_has_the_address(repository: MongoUserRepository) -> None:
    key = uuid4().hex
    first, second = somebody(key), somebody()
    await repository.add(first)
    await repository.add(second)
    both = somebody(key)
    both = replace(both, user=replace(both.user, email=second.user.email))
    assert await repository.add(both) == first
    assert await repository.add(replace(both, origin=None)) == second


async def test_a_change_that_was_made_before_is_no_conflict_and_made_once(repository: MongoUserRepository) -> None:
    account = somebody()
    await repository.add(account)
    changed = await repository.change(account.user.id, 1, Change(name="Countess"))
    assert changed.applied
    assert changed.user == replace(account.user, name="Countess", version=2)
    late = await repository.change(account.user.id, 1, Change(name="Enchantress"))
    assert (late.user, late.applied) == (changed.user, False)
    assert (await repository.change(uuid4(), 1, Change(name="Nobody"))).user is None


async def test_an_address_that_is_taken_meanwhile_is_told(repository: MongoUserRepository) -> None:
    mine, others = somebody(), somebody()
    await repository.add(mine)
    await repository.add(others)
    with pytest.raises(EmailTakenError):
        await repository.change(mine.user.id, 1, Change(email=others.user.email))


async def test_a_hash_is_renewed_by_the_first_only(repository: MongoUserRepository) -> None:
    account = somebody()
    await repository.add(account)
    await repository.renew(account.user.id, "kept", "newer")
    await repository.renew(account.user.id, "kept", "late")
    found = await repository.find_by_email(account.user.email)
    assert found == replace(account, password="newer")  # noqa: S106

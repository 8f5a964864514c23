"""Rules of the business layer, without network or database."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from chassis.errors import CommandError
from user_service.domain import (
    Account,
    Change,
    Lifetime,
    check_key,
    check_password,
    known_change,
    known_email,
    known_name,
    new_user,
)
from user_service.errors import InvalidUserError
from user_service.service import digest, parse_id
from user_service.settings import WebSettings

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LIFETIME = Lifetime(timedelta(hours=1), timedelta(hours=24))


def test_a_new_user_is_of_the_first_version_and_as_exact_as_it_is_kept() -> None:
    user = new_user(uuid4(), NOW, " Ada@Shop.Test ", " Ada \n Lovelace ")
    assert (user.email, user.name, user.version) == ("ada@shop.test", "Ada Lovelace", 1)
    assert user.created_at == NOW.replace(microsecond=678000)


@pytest.mark.parametrize(
    "email",
    [
        "",
        " ",
        "ada",
        "@shop.test",
        "ada@",
        "ada@@shop.test",
        "ada lovelace@shop.test",
        "ada@shop..test",
        "ada@-shop.test",
        "ada@shop.test\nBcc: eve@shop.test",
        "ada@shop.test, eve@shop.test",
        "Ada <ada@shop.test>",
        "ada@shop.test\x00",
        f"{'a' * 65}@shop.test",
        f"ada@{'shop.' * 60}test",
    ],
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(InvalidUserError) as refused:
        known_email(email)
    assert refused.value.field == "email"


@pytest.mark.parametrize("email", ["ada@shop.test", "a.d+a@mail.shop.test", "o'hara@localhost"])
def test_what_is_an_address_is_not(email: str) -> None:
    assert known_email(email) == email


@pytest.mark.parametrize("name", ["", " \n", "n" * 129, "a\x00b", "a\x1b[31m"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidUserError) as refused:
        known_name(name)
    assert refused.value.field == "name"


@pytest.mark.parametrize("password", ["", "p" * 7, "p" * 129])
def test_a_password_of_another_length_is_refused_and_not_quoted(password: str) -> None:
    with pytest.raises(InvalidUserError, match="password: must have 8 to 128 characters") as refused:
        check_password(password)
    assert "pp" not in str(refused.value)


@pytest.mark.parametrize("key", ["", " ", "k" * 129])
def test_a_key_that_cannot_be_kept_is_refused(key: str) -> None:
    with pytest.raises(InvalidUserError) as refused:
        check_key(key)
    assert refused.value.field == "idempotency_key"


@pytest.mark.parametrize(
    ("version", "change", "field"),
    [
        (0, Change(name="Ada"), "version"),
        (1, Change(), "name"),
        (1, Change(name=""), "name"),
        (1, Change(name="Ada", email="ada"), "email"),
    ],
)
def test_a_change_that_cannot_be_made_is_named(version: int, change: Change, field: str) -> None:
    with pytest.raises(InvalidUserError) as refused:
        known_change(version, change)
    assert refused.value.field == field


def test_a_session_lasts_as_long_as_it_is_used_and_not_for_ever() -> None:
    """F6-5, W-19."""
    assert LIFETIME.expiry(NOW, NOW) == NOW + timedelta(hours=1)
    assert LIFETIME.expiry(NOW, NOW + timedelta(hours=5)) == NOW + timedelta(hours=6)
    assert LIFETIME.expiry(NOW, NOW + timedelta(hours=23, minutes=30)) == NOW + timedelta(hours=24)


def test_an_account_does_not_show_its_password() -> None:
    assert "argon2" not in repr(Account(new_user(uuid4(), NOW, "ada@shop.test", "Ada"), "$argon2id$secret"))


def test_a_digest_is_the_addresss_however_it_is_written_and_does_not_show_it() -> None:
    assert digest(" Ada@Shop.test") == digest("ada@shop.test") != digest("eve@shop.test")
    assert digest("no address") == digest("No Address")
    assert "ada" not in digest("ada@shop.test")


def test_ids_are_opaque() -> None:
    assert parse_id("no-uuid") is None
    assert isinstance(parse_id(str(uuid4())), UUID)


def settings(**given: object) -> WebSettings:
    return WebSettings.load(mongo_url=SecretStr("mongodb://db/shop"), redis_addr="redis:6379", **given)


def test_the_documents_numbers_are_the_defaults() -> None:
    """F6-5, X-6, SU-6."""
    default = settings()
    assert (default.rate_limit_requests, default.rate_limit_seconds) == (10, 1)
    assert (default.session_idle_seconds, default.session_max_seconds) == (3600, 24 * 3600)


def test_hashes_that_cannot_be_made_are_refused_at_the_start() -> None:
    with pytest.raises(CommandError, match="ARGON2_PARALLELISM: must be at most 2 with this ARGON2_MEMORY_KIB"):
        settings(argon2_memory_kib=16, argon2_parallelism=4)

"""SN-8, SN-9, SN-11, SN-12, W-14: each user is told each thing once, whatever fails.

The business layer with a real database, mail server, user service and Redis, in the tests' own process.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import psycopg
import pytest
from others import DOMAIN, Postman, Users
from processes import FROM
from pydantic import SecretStr

from chassis.errors import PostponedError, UnavailableError
from chassis.grpc.client import calling
from chassis.redis.client import opened as redis_opened
from chassis.redis.limits import RateLimit
from chassis.redis.settings import RedisSettings
from chassis.sql.database import opened
from chassis.sql.settings import DatabaseSettings
from chassis_testing.network import free_port
from chassis_testing.program import eventually
from chassis_testing.redis import Redis
from notification_service.domain import Claim, NotificationTask
from notification_service.service import Notifier
from notification_service.settings import MailSettings
from notification_service.storage.repository import PostgresNotifications
from notification_service.transport.mail import SmtpMail
from notification_service.transport.users import TIMEOUT_SECONDS, RemoteUsers

CLAIM_SECONDS = 4
TASK = NotificationTask("ada", "Your order 7 has been paid.", "7:order_paid")


class Desk:
    """Makes notifiers that share everything, as workers do."""

    def __init__(self, stack: AsyncExitStack, database: str, redis: Redis, users: Users) -> None:
        self._stack = stack
        self._database = database
        self._redis = redis
        self._users = users
        self.smtp = ""
        self.most = 10

    async def notifier(self) -> Notifier:
        settings = DatabaseSettings(database_url=SecretStr(self._database))
        engine = await self._stack.enter_async_context(opened(settings, "tests"))
        remote = await self._stack.enter_async_context(calling("user", self._users.address, TIMEOUT_SECONDS))
        host = f"127.0.0.1:{self._redis.port}"
        number = int(self._redis.database().rpartition("/")[2])
        store = await self._stack.enter_async_context(
            redis_opened(RedisSettings(redis_addr=host, redis_db=number), "tests")
        )
        self.store = store
        self.notifications = PostgresNotifications(engine)
        return Notifier(
            self.notifications,
            RemoteUsers(remote),
            SmtpMail(MailSettings(smtp_addr=self.smtp, smtp_from=FROM), 1.5),
            RateLimit(store, "tests", self.most, 60),
            CLAIM_SECONDS,
        )


@pytest.fixture
async def desk(database: str, redis_server: Redis, users: Users, smtp: str) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        desk = Desk(stack, database, redis_server, users)
        desk.smtp = smtp
        yield desk


@pytest.fixture
async def notifier(desk: Desk) -> Notifier:
    return await desk.notifier()


def noted(database: str) -> tuple[str, str | None, int]:
    with psycopg.connect(database) as connection:
        (row,) = connection.execute("SELECT status, error, attempts FROM notifications").fetchall()
    return str(row[0]), row[1], int(row[2])


def allow(database: str, *, connections: bool) -> None:
    """Let nobody use a database, or everybody again."""
    name = database.rpartition("/")[2]
    with psycopg.connect(database.replace(name, "postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {connections}".encode())
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


async def test_a_user_is_told_once(notifier: Notifier, postman: Postman, database: str) -> None:
    for _ in range(3):
        await notifier.notify(TASK)
    (mail,) = postman.mails
    assert (mail["To"], mail["From"]) == (f"Ada Lovelace <ada@{DOMAIN}>", FROM)
    assert mail["Subject"] == TASK.message
    assert mail["Message-ID"] == TASK.message_id(DOMAIN)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().strip() == TASK.message
    assert noted(database) == ("sent", None, 1)


async def test_of_two_workers_one_sends(desk: Desk, postman: Postman, database: str) -> None:
    """W-14: they share no memory."""
    one, two = await desk.notifier(), await desk.notifier()
    postman.hold = True
    sending = asyncio.create_task(one.notify(TASK))
    await eventually(lambda: postman.arrived, "no mail")
    with pytest.raises(PostponedError, match="another worker is at it"):
        await two.notify(TASK)
    postman.go.set()
    await sending
    await two.notify(TASK)
    assert len(postman.mails) == 1
    assert noted(database) == ("sent", None, 1)


async def test_of_many_that_begin_at_once_one_sends(desk: Desk, postman: Postman) -> None:
    notifiers = [await desk.notifier() for _ in range(5)]
    results = await asyncio.gather(*(each.notify(TASK) for each in notifiers), return_exceptions=True)
    assert len(postman.mails) == 1
    assert {type(each) for each in results} <= {type(None), PostponedError}


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"rcpt": "550 5.1.1 no such mailbox"}, "the mail server refuses it (550): 5.1.1 no such mailbox"),
        ({"data": "554 5.7.1 looks like spam"}, "the mail server refuses it (554): 5.7.1 looks like spam"),
    ],
)
async def test_what_is_refused_for_good_is_noted_and_not_tried_again(
    notifier: Notifier, postman: Postman, database: str, answers: dict[str, str], error: str
) -> None:
    vars(postman).update(answers)
    await notifier.notify(TASK)
    assert noted(database) == ("failed", error, 1)
    vars(postman).update(rcpt="250 OK", data="250 OK")
    await notifier.notify(TASK)
    assert postman.mails == []


@pytest.mark.parametrize("answers", [{"rcpt": "451 4.7.1 greylisted"}, {"data": "452 4.3.1 disk full"}])
async def test_what_is_refused_for_now_is_sent_later(
    notifier: Notifier, postman: Postman, database: str, answers: dict[str, str]
) -> None:
    vars(postman).update(answers)
    with pytest.raises(UnavailableError, match="the mail server does not take it now"):
        await notifier.notify(TASK)
    vars(postman).update(rcpt="250 OK", data="250 OK")
    await notifier.notify(TASK)  # at once: the claim was given up
    assert len(postman.mails) == 1
    assert noted(database) == ("sent", None, 2)


async def test_a_user_that_is_none_is_noted(notifier: Notifier, postman: Postman, database: str) -> None:
    await notifier.notify(NotificationTask("nobody", "m", "n"))
    assert (noted(database), postman.mails) == (("failed", "no such user", 1), [])


@pytest.mark.parametrize("email", ["", "ada", "ada@", "ada@shop.test\nBcc: bob@shop.test", "ada bob@shop.test"])
async def test_an_address_that_is_none_is_noted(
    notifier: Notifier, users: Users, postman: Postman, database: str, email: str
) -> None:
    users.emails["ada"] = email
    await notifier.notify(TASK)
    assert (noted(database), postman.mails) == (("failed", "the user has no usable address", 1), [])


async def test_a_silent_mail_server_is_left_after_a_while(notifier: Notifier, postman: Postman, database: str) -> None:
    postman.hold = True
    with pytest.raises(UnavailableError, match="does not answer in time"):
        await notifier.notify(TASK)
    assert noted(database)[0] == "sending"


async def test_without_a_mail_server_nothing_is_lost(desk: Desk, postman: Postman) -> None:
    smtp, desk.smtp = desk.smtp, f"127.0.0.1:{free_port()}"
    without = await desk.notifier()
    with pytest.raises(UnavailableError):
        await without.notify(TASK)
    desk.smtp = smtp
    await (await desk.notifier()).notify(TASK)
    assert len(postman.mails) == 1


async def test_without_the_user_service_nothing_is_lost(notifier: Notifier, users: Users, postman: Postman) -> None:
    await users.stop()
    with pytest.raises(UnavailableError):
        await notifier.notify(TASK)
    await users.start()

    async def sent() -> bool:
        try:
            await notifier.notify(TASK)
        except UnavailableError:  # the channel has a pause of its own
            return False
        return True

    await eventually(sent, "not sent")
    assert len(postman.mails) == 1


async def test_a_user_gets_so_many_in_some_time(desk: Desk, postman: Postman) -> None:
    """SN-12: the rest comes later, and others are not kept waiting."""
    desk.most = 2
    notifier = await desk.notifier()
    tasks = [NotificationTask("ada", "m", str(number)) for number in range(3)]
    for each in tasks[:2]:
        await notifier.notify(each)
    with pytest.raises(PostponedError, match="the user has got enough for now"):
        await notifier.notify(tasks[2])
    await notifier.notify(NotificationTask("bob", "m", "n"))
    await desk.store.ask("let time pass", lambda client: client.flushdb())
    await notifier.notify(tasks[2])
    assert len(postman.mails) == 4


async def test_a_worker_that_dies_is_followed_by_another(
    desk: Desk, notifier: Notifier, postman: Postman, database: str
) -> None:
    """Its claim runs out."""
    assert await desk.notifications.claim(TASK, uuid4(), 60) is Claim.MINE
    with pytest.raises(PostponedError):
        await notifier.notify(TASK)
    with psycopg.connect(database) as connection:  # let time pass
        connection.execute("UPDATE notifications SET claimed_until = now()")
    await notifier.notify(TASK)
    assert len(postman.mails) == 1


async def test_a_worker_that_is_told_to_end_leaves_at_once(desk: Desk, notifier: Notifier, postman: Postman) -> None:
    postman.hold = True
    sending = asyncio.create_task(notifier.notify(TASK))
    await eventually(lambda: postman.arrived, "no mail")
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    postman.hold = False
    await (await desk.notifier()).notify(TASK)
    assert postman.mails[0]["Message-ID"] == TASK.message_id(DOMAIN)


async def test_a_mail_whose_confirmation_was_lost_is_sent_again_as_the_same(
    notifier: Notifier, postman: Postman, database: str
) -> None:
    """What no service can prevent: the server has the mail, and nobody knows."""
    postman.breaks = True
    with pytest.raises(UnavailableError):
        await notifier.notify(TASK)
    postman.breaks = False
    await notifier.notify(TASK)
    assert {mail["Message-ID"] for mail in postman.mails} == {TASK.message_id(DOMAIN)}
    assert noted(database)[0] == "sent"


async def test_a_database_that_goes_away_meanwhile_costs_no_second_mail(
    notifier: Notifier, postman: Postman, database: str
) -> None:
    postman.taken = lambda: allow(database, connections=False)
    sending = asyncio.create_task(notifier.notify(TASK))
    try:
        await eventually(lambda: postman.mails, "no mail")
        with pytest.raises(UnavailableError):
            await notifier.notify(TASK)
        assert not sending.done()
    finally:
        allow(database, connections=True)
    await sending
    await notifier.notify(TASK)
    assert len(postman.mails) == 1
    assert noted(database) == ("sent", None, 1)

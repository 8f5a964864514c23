"""SN-5..SN-12, W-8, F9-8: the worker as a process, with everything that it needs, and without each of it in turn."""

import urllib.request
from time import monotonic

import psycopg
from broker import QUEUE, send, take, task, waiting
from others import Postman, Users
from processes import Backing, working

from chassis_testing.postgresql import PostgreSQL
from chassis_testing.program import eventually
from chassis_testing.rabbitmq import RabbitMQ
from chassis_testing.redis import Redis
from chassis_testing.smtp import SMTPServer

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NAME = "notification-worker"  # as the database calls its connections
SENT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "x-request-id": "req-1"}


async def nothing_left(backing: Backing) -> None:
    """No message is with anybody, or waits: looked at when all workers have ended."""
    assert [await waiting(backing.amqp, queue) for queue in (QUEUE, f"{QUEUE}.later", f"{QUEUE}.dead")] == [0, 0, 0]


async def test_tasks_are_done_each_once(backing: Backing, users: Users, postman: Postman) -> None:
    poison = [b"{", b'{"user_id": "ada", "message": "m"}']
    async with working(backing) as worker:
        await send(backing.amqp, task(1), *poison, task(1), task(2, user_id=123), headers=SENT)
        await send(backing.amqp, task(3, user_id="nobody"), task(2, user_id=123))
        await eventually(lambda: backing.noted() == {"n-1": "sent", "n-2": "sent", "n-3": "failed"}, "not done")
        line = await worker.said("notification sent", notification_id="n-1", user_id="ada")
        assert (line["trace_id"], line["request_id"]) == (TRACE, "req-1")
        await worker.said("notification repeated", notification_id="n-1", status="sent")
        await worker.said("notification repeated", notification_id="n-2", status="sent")
        await worker.said("notification failed", notification_id="n-3", error="no such user")
        with urllib.request.urlopen(worker.metrics_url) as answer:  # noqa: S310 - our own address
            metrics = answer.read().decode()
        worker.terminate()
        assert await worker.ended() == 0
        await worker.said("stopped")
    assert postman.recipients == ["ada@shop.test", "123@shop.test"]
    assert {each.split("-")[1] for each in users.traces[:1]} == {TRACE}
    for wanted in (
        'rabbit_consumed_total{outcome="done",queue="notification_queue"} 5.0',
        'rabbit_consumed_total{outcome="rejected",queue="notification_queue"} 2.0',
        'rabbit_in_flight{queue="notification_queue"} 0.0',
        'notifications_total{outcome="sent"} 2.0',
        'notifications_total{outcome="repeated"} 2.0',
        'notifications_total{outcome="failed"} 1.0',
    ):
        assert wanted in metrics
    dead = await take(backing.amqp, f"{QUEUE}.dead")
    assert [(each.body, each.headers["x-reason"]) for each in dead] == [
        (poison[0], dead[0].headers["x-reason"]),
        (poison[1], "notification_id: Field required"),
    ]
    await nothing_left(backing)


async def test_an_idle_worker_ends_at_once(backing: Backing) -> None:
    """W-8."""
    async with working(backing, SHUTDOWN_DRAIN_SECONDS="600") as worker:
        begun = monotonic()
        worker.terminate()
        assert await worker.ended() == 0
    assert monotonic() - begun < 8


async def test_a_busy_worker_finishes_and_takes_no_more(backing: Backing, postman: Postman) -> None:
    """SN-10."""
    postman.hold = True
    async with working(backing) as worker:
        await send(backing.amqp, task(1), task(2))
        await eventually(lambda: postman.arrived == 1, "not begun")
        worker.terminate()
        await worker.said("draining", limit_seconds=10)
        postman.go.set()
        assert await worker.ended() == 0
    assert (len(postman.mails), backing.noted()) == (1, {"n-1": "sent"})
    assert await waiting(backing.amqp) == 1


async def test_what_is_not_finished_in_time_another_worker_sends(backing: Backing, postman: Postman) -> None:
    """F9-5, F9-6."""
    postman.hold = True
    async with working(backing, SHUTDOWN_DRAIN_SECONDS="1") as worker:
        await send(backing.amqp, task(1))
        await eventually(lambda: postman.arrived == 1, "not begun")
        worker.terminate()
        assert await worker.ended() == 0
        await worker.said("message", outcome="returned")
    postman.hold = False
    async with working(backing) as other:
        await eventually(lambda: backing.noted() == {"n-1": "sent"}, "not sent")
        other.terminate()  # it notes first and then tells RabbitMQ: killed in between, it would leave the message
        assert await other.ended() == 0
    await nothing_left(backing)


async def test_a_worker_that_is_killed_is_followed_by_another(backing: Backing, postman: Postman) -> None:
    """F9-8: before the mail server has the mail, it is sent once. After that and before it is noted, twice, as one."""
    postman.held = "bob@shop.test"
    with psycopg.connect(backing.database) as lock:
        async with working(backing, AMQP_PREFETCH="2", CLAIM_SECONDS="5") as worker:
            await send(backing.amqp, task("bob", user_id="bob"))
            await eventually(lambda: postman.arrived == 1, "not begun")
            postman.taken = lambda: lock.execute("LOCK TABLE notifications IN SHARE MODE")  # nothing can be noted
            await send(backing.amqp, task("ada", user_id="ada"))
            await eventually(lambda: wants_to_note(backing), "does not come to note it")
            worker.kill()
            await worker.ended()
        # The database would still do what it was asked for by a process that is no more.
        lock.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [NAME])
    postman.held, postman.taken = "", lambda: None
    async with working(backing, CLAIM_SECONDS="5") as other:
        await eventually(lambda: backing.noted() == {"n-bob": "sent", "n-ada": "sent"}, "not sent")
        other.terminate()
        assert await other.ended() == 0
    assert sorted(postman.recipients) == ["ada@shop.test", "ada@shop.test", "bob@shop.test"]
    assert len({mail["Message-ID"] for mail in postman.mails}) == 2
    await nothing_left(backing)


def wants_to_note(backing: Backing) -> bool:
    with psycopg.connect(backing.database) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND query LIKE 'UPDATE notifications SET status%'"
        )
        return found.fetchone() is not None


async def test_two_workers_share_the_work(lasting: Backing, smtp_server: SMTPServer) -> None:
    recipients = [smtp_server.recipient().partition("@")[0] for _ in range(10)]
    tasks = [task(user, user_id=user) for user in recipients]
    async with working(lasting, USER_LIMIT="100") as one, working(lasting, USER_LIMIT="100") as two:
        await send(lasting.amqp, *tasks, *tasks, *reversed(tasks))
        await eventually(lambda: list(lasting.noted().values()) == ["sent"] * len(tasks), "not all sent")
        for worker in (one, two):
            await worker.said("notification sent")
            worker.terminate()
            assert await worker.ended() == 0
    assert [len(smtp_server.messages(f"{user}@shop.test")) for user in recipients] == [1] * len(recipients)


async def test_a_user_who_gets_enough_waits_and_others_do_not(backing: Backing, postman: Postman) -> None:
    """SN-12."""
    async with working(backing, USER_LIMIT="2", USER_LIMIT_SECONDS="2") as worker:
        await send(backing.amqp, *(task(number) for number in range(4)), task("bob", user_id="bob"))
        await worker.said("message", outcome="postponed", error="the user has got enough for now")
        await eventually(lambda: len(postman.mails) == 5, "lost")
        worker.terminate()
        assert await worker.ended() == 0
    assert postman.recipients.index("bob@shop.test") < 4
    assert set(backing.noted().values()) == {"sent"}
    await nothing_left(backing)


async def test_outages_lose_nothing_and_send_nothing_twice(  # noqa: PLR0913, PLR0917 - all that can be away
    lasting: Backing,
    users: Users,
    smtp_server: SMTPServer,
    postgresql: PostgreSQL,
    redis_server: Redis,
    rabbitmq: RabbitMQ,
) -> None:
    """F9-8: each is away in turn, while tasks come."""
    recipients = {
        what: smtp_server.recipient(what).partition("@")[0] for what in ("users", "smtp", "sql", "redis", "mq")
    }

    async def come(what: str) -> None:
        await send(lasting.amqp, *[task(f"{what}-{number}", user_id=recipients[what]) for number in (1, 2, 1)])

    async def arrived(what: str) -> None:
        await eventually(lambda: len(smtp_server.messages(f"{recipients[what]}@shop.test")) == 2, f"lost: {what}")

    async with working(lasting) as worker:
        await users.stop()
        await come("users")
        await worker.said("trying again", what=QUEUE)
        await users.start()
        await arrived("users")

        with smtp_server.outage():
            await come("smtp")
            await worker.said("message", outcome="unavailable")
        await arrived("smtp")

        with postgresql.outage():
            await come("sql")
            await worker.said("not ready", needs="database")
        await arrived("sql")

        with redis_server.outage():
            await come("redis")
            await arrived("redis")  # nobody counts, mail is sent all the same

        with rabbitmq.outage():
            await worker.said("not ready", needs="rabbitmq")
        await worker.said("ready again", needs="rabbitmq")
        await come("mq")
        await arrived("mq")

        # Each task came a third time as a copy of the first. By its end, a worker gives back what it has not begun.
        for what in recipients:
            await worker.said("notification repeated", notification_id=f"n-{what}-1")
        worker.terminate()
        assert await worker.ended() == 0
    assert set(lasting.noted().values()) == {"sent"}
    for each in recipients.values():
        assert len(smtp_server.messages(f"{each}@shop.test")) == 2
    await nothing_left(lasting)

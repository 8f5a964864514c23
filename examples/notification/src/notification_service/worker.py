"""The process `worker`: sends what the tasks in RabbitMQ say, until it is told to stop."""

from contextlib import AsyncExitStack
from functools import partial

import structlog

from chassis.grpc.client import calling
from chassis.rabbit.consumer import Received, consuming
from chassis.readiness import Check
from chassis.redis.client import opened as redis_opened
from chassis.redis.limits import RateLimit
from chassis.running import running
from chassis.sql.database import opened, ping
from chassis.sql.watch import watch_pool
from chassis.tidying import tidying
from notification_service import SERVICE
from notification_service.service import Notifier
from notification_service.settings import WorkerSettings
from notification_service.storage.repository import PostgresNotifications
from notification_service.transport.mail import SmtpMail
from notification_service.transport.messages import QUEUE, read_task
from notification_service.transport.users import TIMEOUT_SECONDS, RemoteUsers

log = structlog.get_logger(__name__)

TIDY_SECONDS = 3600.0


async def run(settings: WorkerSettings) -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        CommandError: the database or RabbitMQ does not answer at the start, or a port is taken.
    """
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(opened(settings, "notification-worker"))
        watch_pool(engine)
        store = await stack.enter_async_context(redis_opened(settings, "notification-worker"))
        users = await stack.enter_async_context(calling("user", settings.user_address, TIMEOUT_SECONDS))
        consumer = await stack.enter_async_context(consuming(settings, "notification-worker", QUEUE))
        # Neither the mail server nor the user service: they are asked when they are needed. Nor Redis: while it is
        # away, nobody counts, and mail is sent all the same.
        needs: dict[str, Check] = {"database": partial(ping, engine), "rabbitmq": consumer.ping}
        process = await stack.enter_async_context(running(settings, SERVICE, needs))
        notifications = PostgresNotifications(engine)
        await stack.enter_async_context(tidying(partial(_forget, notifications), TIDY_SECONDS))
        notifier = Notifier(
            notifications,
            RemoteUsers(users),
            SmtpMail(settings, settings.claim_seconds / 2),
            RateLimit(store, "notification", settings.user_limit, settings.user_limit_seconds),
            settings.claim_seconds,
        )
        log.info("working", queue=QUEUE.name, metrics_port=process.metrics_port)
        await consumer.run(partial(handle, notifier), process.shutdown)


async def handle(notifier: Notifier, message: Received) -> None:
    """Work on one message.

    Raises:
        RejectedError: it is no task.
        PostponedError: not now.
        UnavailableError: something that is needed does not answer.
    """
    task = read_task(message.body)
    with structlog.contextvars.bound_contextvars(user_id=task.user_id):
        await notifier.notify(task)


async def _forget(notifications: PostgresNotifications) -> dict[str, int]:
    """Forget what became of notifications when nobody can ask any more."""
    return {"notifications": await notifications.forget()}

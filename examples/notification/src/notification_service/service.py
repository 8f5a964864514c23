"""Telling users, each thing once: the business layer between the queue, the mail and the storage.

Before a mail is sent, the worker claims the notification in the database, for a while; afterwards it notes that it was
sent. So of two workers with the same task one sends, and a task that comes again is known (SN-8, SN-11). If a worker
dies in between, the claim runs out and the next one sends.

It cannot know whether the mail server had taken the mail by then: no protocol lets a mail server and a database decide
together. Then the mail is sent again rather than never, with the same Message-ID, by which mail systems know it.
"""

from typing import Protocol
from uuid import UUID, uuid4

import structlog
from prometheus_client import Counter

from chassis.errors import PostponedError, UnavailableError
from chassis.retries import Patience, again
from notification_service.domain import Claim, NotificationTask, Recipient
from notification_service.errors import RefusedError

log = structlog.get_logger(__name__)

# While it is not noted that a mail was sent, another worker would send it again: nothing is more urgent.
TO_THE_END = Patience(most=1000, timeout_seconds=600, longest_pause_seconds=1)

_told = Counter("notifications", "Notifications by what became of them", ["outcome"])


class Notifications(Protocol):
    """Keeps what became of notifications. Each method may raise UnavailableError."""

    async def claim(self, task: NotificationTask, worker: UUID, seconds: float) -> Claim:
        """Take a notification to oneself for so long, if nobody else has it."""

    async def release(self, notification_id: str, worker: UUID) -> None:
        """Leave it to whoever comes next."""

    async def sent(self, notification_id: str) -> None:
        """Note that it was sent."""

    async def failed(self, notification_id: str, error: str) -> None:
        """Note that it will never be sent, and why."""


class Users(Protocol):
    """Knows users."""

    async def find(self, user_id: str) -> Recipient | None:
        """Where a user is reached; None if there is no such user. UnavailableError if it is not known now."""


class Mail(Protocol):
    """Sends mail."""

    async def send(self, task: NotificationTask, recipient: Recipient) -> None:
        """Send it. RefusedError if that will never succeed, UnavailableError if it may succeed later."""


class Limit(Protocol):
    """Counts what one user gets."""

    async def allows(self, key: str) -> bool:
        """Whether one more is within the limit."""


class Notifier:
    """Tells users."""

    def __init__(
        self,
        notifications: Notifications,
        users: Users,
        mail: Mail,
        limit: Limit,
        claim_seconds: float,
    ) -> None:
        """Put it together.

        Args:
            notifications: what became of them.
            users: where they are reached.
            mail: how.
            limit: how many one user gets in some time.
            claim_seconds: longer than all the others take to answer.
        """
        self._notifications = notifications
        self._users = users
        self._mail = mail
        self._limit = limit
        self._claim_seconds = claim_seconds

    async def notify(self, task: NotificationTask) -> None:
        """Tell a user, unless that has been done.

        Raises:
            PostponedError: another worker is at it, or the user has got enough for now.
            UnavailableError: something that is needed does not answer.
        """
        worker = uuid4()
        claim = await self._notifications.claim(task, worker, self._claim_seconds)
        if claim is Claim.BUSY:
            raise PostponedError("another worker is at it")
        if claim is not Claim.MINE:
            _told.labels("repeated").inc()
            log.info("notification repeated", notification_id=task.notification_id, status=claim.value)
            return
        try:
            await self._send(task)
        except RefusedError as error:
            await self._notifications.failed(task.notification_id, str(error))
            _told.labels("failed").inc()
            log.warning("notification failed", notification_id=task.notification_id, error=error.brief)
            return
        except BaseException:  # also when the process ends: the next worker need not wait
            await self._release(task, worker)
            raise
        await self._note(task)
        _told.labels("sent").inc()
        log.info("notification sent", notification_id=task.notification_id)

    async def _send(self, task: NotificationTask) -> None:
        recipient = await self._users.find(task.user_id)
        if recipient is None:
            raise RefusedError("no such user")
        if not await self._limit.allows(f"user:{task.user_id}"):
            _told.labels("limited").inc()
            raise PostponedError("the user has got enough for now")
        await self._mail.send(task, recipient)

    async def _release(self, task: NotificationTask, worker: UUID) -> None:
        try:
            await self._notifications.release(task.notification_id, worker)
        except UnavailableError as error:
            log.warning("claim not released, it runs out", notification_id=task.notification_id, error=str(error))

    async def _note(self, task: NotificationTask) -> None:
        try:
            await again(
                "noting what was sent",
                lambda: self._notifications.sent(task.notification_id),
                passing=lambda error: isinstance(error, UnavailableError),
                patience=TO_THE_END,
            )
        except BaseException:
            log.error("sent, but not noted: it will be sent again", notification_id=task.notification_id)  # noqa: TRY400
            raise

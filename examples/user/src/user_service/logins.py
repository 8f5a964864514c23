"""Who is logged in: the business layer of sessions (SU-3, SU-5, W-19).

The id of a session is made here, at each login anew. One that a client brings along is looked up and can be ended, and
never becomes a session.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import structlog
from prometheus_client import Counter

from chassis.errors import UnavailableError
from user_service.domain import MAX_PASSWORD_LENGTH, Account, Session, User, known_email
from user_service.errors import InvalidUserError, LoginDeniedError, SessionNotFoundError
from user_service.passwords import Passwords
from user_service.service import Allows, UserRepository, digest, limited, now

log = structlog.get_logger(__name__)

_logins = Counter("user_logins", "Attempts to log in that were decided", ["outcome"])


class SessionStore(Protocol):
    """Where sessions are kept, for all processes."""

    async def begin(self, user_id: UUID, now: datetime) -> tuple[str, Session]:
        """Begin one; its id is given once, here."""

    async def use(self, session_id: str, now: datetime) -> Session | None:
        """Return it, and let it last longer; None if it has ended or never was."""

    async def end(self, session_id: str) -> None:
        """End it, if it goes on."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A login that succeeded."""

    session_id: str
    session: Session
    user: User


class Logins:
    """Begins, finds and ends sessions."""

    def __init__(
        self,
        users: UserRepository,
        sessions: SessionStore,
        passwords: Passwords,
        allows: Allows,
        *,
        now: Callable[[], datetime] = now,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._passwords = passwords
        self._allows = allows
        self._now = now

    async def login(self, email: str, password: str, session_before: str | None = None) -> LoggedIn:
        """Begin a session.

        Args:
            email: whose.
            password: shows that it is them.
            session_before: the session that the client had, which ends.

        Raises:
            LoginDeniedError: the password is wrong or nobody has the address; it takes the same time to say so.
            TooManyRequestsError: there were too many attempts for this address, whether or not anybody has it.
            UnavailableError: the database or Redis does not answer. Without Redis no password is compared: there would
                be no limit, and no session to begin.
        """
        await limited(self._allows, f"login:{digest(email)}")
        account = await self._account(email)
        if account is not None:
            structlog.contextvars.bind_contextvars(user_id=str(account.user.id))
        # What is longer can be nobody's; with one character too many it is as wrong, and costs no more.
        matches = await self._passwords.matches(
            account.password if account else None, password[: MAX_PASSWORD_LENGTH + 1]
        )
        if account is None or not matches:
            _logins.labels("denied").inc()
            log.warning("login denied", known=account is not None)
            raise LoginDeniedError("e-mail address or password is wrong")
        await self._renew(account, password)
        session_id, session = await self._sessions.begin(account.user.id, self._now())
        if session_before:
            await self._sessions.end(session_before)
        _logins.labels("succeeded").inc()
        log.info("logged in")
        return LoggedIn(session_id, session, account.user)

    async def session(self, session_id: str) -> Session:
        """Return a session that goes on, and let it last longer.

        Raises:
            SessionNotFoundError: it has ended or never was.
            UnavailableError: Redis does not answer.
        """
        session = await self._sessions.use(session_id, self._now())
        if session is None:
            raise SessionNotFoundError("session not found")
        structlog.contextvars.bind_contextvars(user_id=str(session.user_id))
        return session

    async def logout(self, session_id: str) -> None:
        """End a session; one that has ended or never was is ended too.

        Raises:
            UnavailableError: Redis does not answer; the session may go on.
        """
        await self._sessions.end(session_id)

    async def _account(self, email: str) -> Account | None:
        try:
            return await self._users.find_by_email(known_email(email))
        except InvalidUserError:
            return None

    async def _renew(self, account: Account, password: str) -> None:
        """Keep the password at today's cost, now that it is there; that it is not kept is no reason to refuse."""
        if not self._passwords.outdated(account.password):
            return
        try:
            await self._users.renew(account.user.id, account.password, await self._passwords.hash(password))
        except UnavailableError as error:
            log.warning("password not renewed", error=str(error))
        else:
            log.info("password renewed")

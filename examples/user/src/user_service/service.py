"""What one can do with users: the business layer between the transport and the storage."""

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4

import prometheus_client
import structlog

from user_service.domain import (
    Account,
    Change,
    Origin,
    User,
    check_key,
    check_password,
    known_change,
    known_email,
    new_user,
)
from user_service.errors import (
    EmailTakenError,
    IdempotencyConflictError,
    InvalidUserError,
    ProfileOutdatedError,
    TooManyRequestsError,
    UserNotFoundError,
)
from user_service.passwords import Passwords

log = structlog.get_logger(__name__)

_conflicts = prometheus_client.Counter("user_profile_conflicts", "Changes that came after somebody else's (LG-8)")

Allows = Callable[[str], Awaitable[bool]]
"""Whether one request more of somebody is within a limit."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of a change.

    Attributes:
        user: as they are now; None if there is no such user.
        applied: whether the change was made. If not, the user is of another version.
    """

    user: User | None
    applied: bool


class UserRepository(Protocol):
    """Where users are kept."""

    async def add(self, account: Account) -> Account:
        """Store a user once.

        Returns:
            The one that is stored. Another one than was given is in its way: it has the idempotency key, else the
            address.
        """

    async def find(self, user_id: UUID) -> User | None:
        """Return the user with this id."""

    async def find_by_key(self, key: str) -> Account | None:
        """Return who was made with this idempotency key."""

    async def find_by_email(self, email: str) -> Account | None:
        """Return who has this address."""

    async def change(self, user_id: UUID, version: int, change: Change) -> Changed:
        """Change a user who is of this version, by which they become of the next one.

        Raises:
            EmailTakenError: somebody else has the address.
        """

    async def renew(self, user_id: UUID, before: str, after: str) -> None:
        """Keep another hash of the password, unless that has been done by somebody else."""


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Users:
    """Creates, finds and changes users."""

    def __init__(
        self,
        repository: UserRepository,
        passwords: Passwords,
        allows: Allows,
        *,
        now: Callable[[], datetime] = now,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self._repository = repository
        self._passwords = passwords
        self._allows = allows
        self._now = now
        self._new_id = new_id
        self._changing: Counter[UUID] = Counter()

    async def create(self, email: str, name: str, password: str, idempotency_key: str | None = None) -> User:
        """Store a new user; the same idempotency key gives the same user again.

        Raises:
            InvalidUserError: a field breaks a rule.
            EmailTakenError: the address belongs to somebody.
            IdempotencyConflictError: the key was used for another request.
            TooManyRequestsError: this address is tried too often.
            UnavailableError: the database does not answer.
        """
        user = new_user(self._new_id(), self._now(), email, name)
        check_password(password)
        origin = None
        if idempotency_key is not None:
            check_key(idempotency_key)
            origin = Origin(idempotency_key, user.email, user.name)
        await limited(self._allows, f"create:{digest(user.email)}")
        stored = await self._repository.find_by_key(idempotency_key) if idempotency_key else None
        if stored is None:
            account = Account(user, await self._passwords.hash(password), origin)
            stored = await self._repository.add(account)
        if stored.user.id == user.id:
            log.info("user created", user_id=str(user.id))
        elif origin is None or stored.origin is None or stored.origin.key != origin.key:
            raise EmailTakenError("email: belongs to somebody")
        elif stored.origin != origin or not await self._passwords.matches(stored.password, password):
            raise IdempotencyConflictError("idempotency_key: belongs to another request")
        else:
            log.info("user repeated", user_id=str(stored.user.id))
        return stored.user

    async def get(self, user_id: str) -> User:
        """Return a user.

        Raises:
            UserNotFoundError: no user has this id; ids are opaque, so a malformed one is an unknown one.
            UnavailableError: the database does not answer.
        """
        key = parse_id(user_id)
        user = await self._repository.find(key) if key else None
        if user is None:
            raise UserNotFoundError("user not found")
        return user

    async def change(self, user_id: str, version: int, change: Change) -> User:
        """Change the profile of a user who still is of a version.

        Of several that change the same version one does so, and the others are told: no change is lost (SU-4).

        Raises:
            InvalidUserError: a field breaks a rule.
            UserNotFoundError: no user has this id.
            ProfileOutdatedError: the user is of another version.
            EmailTakenError: somebody else has the address.
            TooManyRequestsError: the profile is changed too often.
            UnavailableError: the database does not answer.
        """
        change = known_change(version, change)
        key = parse_id(user_id)
        if key is None:
            raise UserNotFoundError("user not found")
        await limited(self._allows, f"user:{key}")
        with self._at_once(key) as at_once:
            if at_once > 1:
                log.info("profile changes at once", user_id=user_id, at_once=at_once)
            changed = await self._repository.change(key, version, change)
        if changed.user is None:
            raise UserNotFoundError("user not found")
        if not changed.applied:
            _conflicts.inc()
            log.warning("profile conflict", user_id=user_id, expected=version, found=changed.user.version)
            raise ProfileOutdatedError(f"version: is {changed.user.version} by now, not {version}; read the user again")
        log.info("profile changed", user_id=user_id, version=changed.user.version)
        return changed.user

    @contextmanager
    def _at_once(self, user_id: UUID) -> Iterator[int]:
        """How many changes of a user this process is busy with, with this one (LG-5)."""
        self._changing[user_id] += 1
        try:
            yield self._changing[user_id]
        finally:
            self._changing[user_id] -= 1
            if not self._changing[user_id]:
                del self._changing[user_id]


async def limited(allows: Allows, key: str) -> None:
    """Count one request more.

    Raises:
        TooManyRequestsError: it is too many.
    """
    if not await allows(key):
        raise TooManyRequestsError("too many requests; wait a moment")


def digest(email: str) -> str:
    """A name for an address that does not show it, for keys in Redis; also of what can be no address."""
    try:
        email = known_email(email)
    except InvalidUserError:
        email = email.strip().lower()
    return hashlib.sha256(email.encode()).hexdigest()[:32]


def parse_id(user_id: str) -> UUID | None:
    """The id that a client sent, or None if it can be none."""
    try:
        return UUID(user_id)
    except ValueError:
        return None

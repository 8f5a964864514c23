"""What a user and a session are, and the rules they obey. Knows neither gRPC nor MongoDB nor Redis."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from unicodedata import category
from uuid import UUID

from user_service.errors import InvalidUserError

MAX_EMAIL_LENGTH = 254
MAX_IDEMPOTENCY_KEY_LENGTH = 128
MAX_NAME_LENGTH = 128
MAX_PASSWORD_LENGTH = 128
MIN_PASSWORD_LENGTH = 8

# What <input type=email> of HTML takes. It leaves out what RFC 5322 allows and nobody has, such as comments and quotes,
# and with them whatever could mean something in the header of a message.
_EMAIL = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
)


@dataclass(frozen=True, slots=True)
class User:
    """A user as others know them."""

    id: UUID
    email: str
    name: str
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that made a user, for when it comes again: the profile may have changed since."""

    key: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """A user with what nobody else may know.

    Attributes:
        user: whose it is.
        password: what is kept of the password, a hash with all that made it.
        origin: the request that made it, if it had an idempotency key.
    """

    user: User
    password: str = field(repr=False)
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a profile is to be; None is as it was."""

    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """That somebody is logged in."""

    user_id: UUID
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long sessions last.

    Attributes:
        idle: without being used.
        longest: in all.
    """

    idle: timedelta
    longest: timedelta

    def expiry(self, created_at: datetime, now: datetime) -> datetime:
        """When a session that is used now ends."""
        return min(now + self.idle, created_at + self.longest)


def new_user(user_id: UUID, now: datetime, email: str, name: str) -> User:
    """Make a user of the first version.

    Raises:
        InvalidUserError: names the first field that breaks a rule.
    """
    moment = now.replace(microsecond=now.microsecond // 1000 * 1000)  # as exact as MongoDB keeps it
    return User(user_id, known_email(email), known_name(name), 1, moment)


def check_password(password: str) -> None:
    """See that a password may be chosen.

    Raises:
        InvalidUserError: it is too short or too long.
    """
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise InvalidUserError("password", f"must have {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters")


def check_key(key: str) -> None:
    """See that an idempotency key can be kept.

    Raises:
        InvalidUserError: it is empty or too long.
    """
    if not key.strip():
        raise InvalidUserError("idempotency_key", "must not be empty")
    if len(key) > MAX_IDEMPOTENCY_KEY_LENGTH:
        raise InvalidUserError("idempotency_key", f"must be at most {MAX_IDEMPOTENCY_KEY_LENGTH} characters")


def known_change(version: int, change: Change) -> Change:
    """A change as it is kept.

    Raises:
        InvalidUserError: names the first field that breaks a rule.
    """
    if version < 1:
        raise InvalidUserError("version", "must be that of the user whom the change is based on")
    if change == Change():
        raise InvalidUserError("name", "must be set where email is not")
    return Change(
        name=None if change.name is None else known_name(change.name),
        email=None if change.email is None else known_email(change.email),
    )


def known_email(email: str) -> str:
    """An e-mail address as it is kept and compared.

    Raises:
        InvalidUserError: it can be none.
    """
    known = email.strip().lower()
    if not known:
        raise InvalidUserError("email", "must not be empty")
    if len(known) > MAX_EMAIL_LENGTH:
        raise InvalidUserError("email", f"must be at most {MAX_EMAIL_LENGTH} characters, has {len(known)}")
    if not _EMAIL.fullmatch(known):
        raise InvalidUserError("email", "must be an address, such as ada@example.com")
    return known


def known_name(name: str) -> str:
    """A name as it is kept.

    Raises:
        InvalidUserError: it is empty, too long or has characters that are none.
    """
    known = " ".join(name.split())
    if not known:
        raise InvalidUserError("name", "must not be empty")
    if len(known) > MAX_NAME_LENGTH:
        raise InvalidUserError("name", f"must be at most {MAX_NAME_LENGTH} characters, has {len(known)}")
    if any(category(character) == "Cc" for character in known):
        raise InvalidUserError("name", "must not contain control characters")
    return known

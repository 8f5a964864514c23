"""The errors of this service, by what the caller is told of them; see `chassis.errors`."""

from chassis.errors import ConflictError, DeniedError, InvalidError, NotFoundError, OutdatedError, TooManyError


class InvalidUserError(InvalidError):
    """A field breaks a rule."""


class LoginDeniedError(DeniedError):
    """The password is wrong, or nobody has the address: which of the two is not told."""


class UserNotFoundError(NotFoundError):
    """No user has this id."""


class SessionNotFoundError(NotFoundError):
    """The session has ended, or never was."""


class EmailTakenError(ConflictError):
    """The e-mail address belongs to somebody."""


class IdempotencyConflictError(ConflictError):
    """The idempotency key was used for a different user."""


class ProfileOutdatedError(OutdatedError):
    """The user has been changed since the version that the change is based on."""


class TooManyRequestsError(TooManyError):
    """A user does something more often than is allowed."""

"""The errors of this service, by what the caller is told of them; see `chassis.errors`."""

from chassis.errors import ConflictError, InvalidError, NotFoundError


class InvalidOrderError(InvalidError):
    """A field breaks a rule."""


class OrderNotFoundError(NotFoundError):
    """No order has this id."""


class IdempotencyConflictError(ConflictError):
    """The idempotency key was used for a different order."""

"""The errors of this service, by what the caller is told of them; see `chassis.errors`."""

from chassis.errors import ConflictError, InvalidError, NotFoundError


class InvalidDeliveryError(InvalidError):
    """A field breaks a rule."""


class DeliveryNotFoundError(NotFoundError):
    """No paid order has this id, or it ended too long ago."""


class CourierNotFoundError(NotFoundError):
    """No courier has this id."""


class NotTheirDeliveryError(ConflictError):
    """The order is not on its way with this courier."""

"""The errors of this service.

ServiceError
├── CommandError              a process cannot go on; its text is for the person who started it
└── OrderError                a request cannot be answered; its text is for the caller
    ├── InvalidOrderError         a field is wrong
    ├── OrderNotFoundError
    ├── IdempotencyConflictError  the key belongs to a different order
    └── StorageUnavailableError   try again later
"""


class ServiceError(Exception):
    """Base of all errors raised on purpose."""


class CommandError(ServiceError):
    """A process cannot go on; printed as the last line on stderr, exit code 1."""


class OrderError(ServiceError):
    """A request cannot be answered."""


class InvalidOrderError(OrderError):
    """A field breaks a rule."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field


class OrderNotFoundError(OrderError):
    """No order has this id."""


class IdempotencyConflictError(OrderError):
    """The idempotency key was used for a different order."""


class StorageUnavailableError(OrderError):
    """The database does not answer, also after retries."""

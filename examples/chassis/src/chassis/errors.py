"""The errors that services raise on purpose.

ServiceError
├── CommandError              a process cannot go on; its text is for the person who started it
├── PostponedError            a message cannot be worked on now
├── RejectedError             a message can never be worked on
└── RequestError              a request cannot be answered; its text is for the caller
    ├── InvalidError              a field breaks a rule
    ├── DeniedError               who asks has not shown who they are
    ├── NotFoundError
    ├── ConflictError             it contradicts what is there already
    ├── OutdatedError             it goes by what is no longer so; read again, then try again
    ├── TooManyError              a limit is reached; try again later
    ├── OverloadedError           more is asked at once than can be answered; try again later
    └── UnavailableError          something that is needed does not answer; try again later

A service derives its own from these. The transports turn these into statuses; what is not derived from
RequestError is an error of the program, and its text stays in the log.
"""

from typing import ClassVar


def line(error: BaseException) -> str:
    """Say what went wrong in one line: the error's text, or its name where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


class ServiceError(Exception):
    """Base of all errors raised on purpose."""


class CommandError(ServiceError):
    """A process cannot go on; printed as the last line on stderr, exit code 1."""


class PostponedError(ServiceError):
    """A message cannot be worked on now, for a reason that is nobody's fault; it comes back after a while."""


class RejectedError(ServiceError):
    """A message can never be worked on, however often it comes; it is put where people find it, with this text."""


class RequestError(ServiceError):
    """A request cannot be answered."""

    public: ClassVar[str | None] = None
    """What the caller reads instead of the error's own text."""
    retry_after_seconds: ClassVar[int | None] = None
    """When the same request may succeed, where that is known: HTTP's Retry-After."""


class InvalidError(RequestError):
    """A field breaks a rule.

    Attributes:
        field: its path in the request, such as `items[0].sku`.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field


class DeniedError(RequestError):
    """Who asks has not shown who they are, such as by a password."""


class NotFoundError(RequestError):
    """What was asked for does not exist."""


class ConflictError(RequestError):
    """The request contradicts what is there already, such as an idempotency key that belongs to another request."""


class OutdatedError(RequestError):
    """The request goes by what is no longer so: somebody else has changed it meanwhile. Nothing was changed by it."""


class TooManyError(RequestError):
    """There have been as many requests as are allowed; later ones are answered again."""


class OverloadedError(RequestError):
    """More is asked at once, by all callers together, than can be answered in time; nothing was done."""

    retry_after_seconds = 1


class UnavailableError(RequestError):
    """Something that is needed to answer does not do so, after retries too."""

    public = "temporarily unavailable, try again"
    retry_after_seconds = 1

"""What a request to the API server can come to.

ApiError
├── NotFound        404: the object is not there (or no longer)
├── AlreadyExists   409: a create met an object of that name
├── Conflict        409: the object changed since it was read, or a precondition failed
├── Gone            410: the resource version is too old; list again
├── Refused         400, 401, 405, 413, 422: the same request will be refused again
│   ├── Forbidden   403: a right is missing, a quota is used up, or a policy says no
│   │   └── Terminating: the namespace is being deleted
│   └── WebhookFailed 500: somebody's admission webhook did not answer
└── Unavailable     429, 5xx, timeouts, broken connections: the same request may succeed later
    └── Deposed     it was not sent: it writes, and this process does not lead
"""

from typing import Any, Final


class ApiError(Exception):
    """A request failed; says which one and what the API server answered."""

    def __init__(self, request: str, message: str, *, code: int = 0) -> None:
        """Keep what was asked, e.g. "GET /api/v1/pods", and what came back."""
        super().__init__(f"{request}: {message}")
        self.request = request
        self.message = message
        self.code = code


class NotFound(ApiError):
    """The object is not there."""


class AlreadyExists(ApiError):
    """An object of that name exists."""


class Conflict(ApiError):
    """The object is not as it was when it was read."""


class Gone(ApiError):
    """The resource version is too old."""


class Refused(ApiError):
    """The API server will refuse the same request again: a policy, a quota, a missing right, a wrong field."""


class Forbidden(Refused):
    """The operator may not do this, or not now."""


class Terminating(Forbidden):
    """The namespace is being deleted; nothing can be made in it."""


class WebhookFailed(Refused):
    """An admission webhook of others did not answer the API server, and its policy is to fail then.

    It is as likely to last as to pass: the API server itself is well, so that waiting without a word would hide it.
    """


class Unavailable(ApiError):
    """The API server did not serve the request.

    Attributes:
        retry_after: seconds it asked to wait, or None.
    """

    def __init__(self, request: str, message: str, *, code: int = 0, retry_after: float | None = None) -> None:
        """Keep how long the server asked to wait."""
        super().__init__(request, message, code=code)
        self.retry_after = retry_after


class Deposed(Unavailable):
    """The request was not sent, since it writes and this process does not hold the lease, or no longer."""


_WEBHOOK: Final = "failed calling webhook"
"""How the API server begins to say it (k8s.io/apiserver/pkg/admission/plugin/webhook/errors)."""


def of_response(  # noqa: PLR0911 one return for each class of answer
    request: str, code: int, status: dict[str, Any], retry_after: str | None
) -> ApiError:
    """Turn a failed response into its error.

    Args:
        request: method and path.
        code: HTTP status.
        status: the body, a metav1.Status where the server sent one.
        retry_after: the header Retry-After.
    """
    message = str(status.get("message") or f"HTTP {code}")
    reason = status.get("reason")
    causes = (status.get("details") or {}).get("causes") or ()
    match code:
        case 404:
            return NotFound(request, message, code=code)
        case 409 if reason == "AlreadyExists":
            return AlreadyExists(request, message, code=code)
        case 409:
            return Conflict(request, message, code=code)
        case 410:
            return Gone(request, message, code=code)
        case 403 if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
            return Terminating(request, message, code=code)
        case 403:
            return Forbidden(request, message, code=code)
        case 400 | 401 | 405 | 413 | 422:
            return Refused(request, message, code=code)
        case 500 if _WEBHOOK in message:
            return WebhookFailed(request, message, code=code)
        case _:
            seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
            return Unavailable(request, message, code=code, retry_after=seconds)

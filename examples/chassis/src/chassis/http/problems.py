"""Errors as callers of a REST service read them: RFC 9457, `application/problem+json`.

| error            | status |
|------------------|--------|
| InvalidError     | 422, with the field under `errors`, as for a body without the form it must have |
| DeniedError      | 401 |
| NotFoundError    | 404 |
| ConflictError    | 409 |
| OutdatedError    | 409 |
| TooManyError     | 429 |
| OverloadedError  | 503, with Retry-After |
| UnavailableError | 503, with Retry-After |
| anything else    | 500, without its text |
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chassis.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    OutdatedError,
    OverloadedError,
    RequestError,
    TooManyError,
    UnavailableError,
)

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
SCHEMA = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "Of the status"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What went wrong with this request"},
        "errors": {
            "type": "array",
            "description": "The fields that break a rule",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    each: {"description": text, "content": {MEDIA_TYPE: {"schema": SCHEMA}}}
    for each, text in {"4XX": "The request cannot be answered", "5XX": "It cannot be answered now"}.items()
}
"""For OpenAPI: what every operation may answer."""

STATUSES: dict[type[RequestError], int] = {
    InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    DeniedError: HTTPStatus.UNAUTHORIZED,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    OutdatedError: HTTPStatus.CONFLICT,
    TooManyError: HTTPStatus.TOO_MANY_REQUESTS,
    OverloadedError: HTTPStatus.SERVICE_UNAVAILABLE,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The table above; a service's own errors come to it by what they are derived from, unless it says otherwise."""

Fields = Sequence[tuple[str, str]]


def problem(
    status: int, detail: str = "", fields: Fields = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Make an answer that says what is wrong.

    Args:
        status: of the answer.
        detail: for a person.
        fields: those that break a rule, with the rule.
        headers: such as Retry-After.
    """
    return JSONResponse(document(status, detail, fields), status, headers, MEDIA_TYPE)


def document(status: int, detail: str = "", fields: Fields = ()) -> dict[str, Any]:
    """The body of such an answer."""
    body: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status)}
    if detail:
        body["detail"] = detail
    if fields:
        body["errors"] = [{"field": field, "detail": rule} for field, rule in fields]
    return body


def install(app: FastAPI, statuses: Mapping[type[RequestError], int]) -> None:
    """Let an application answer every error as a problem.

    Args:
        app: whose.
        statuses: of errors of the service's own, where they differ from those of what they are derived from.
    """
    known = {**STATUSES, **statuses}

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestError)  # noqa: S101 - it is registered for nothing else
        status = next(known[kind] for kind in type(error).__mro__ if kind in known)
        if isinstance(error, UnavailableError):
            log.error("unavailable", error=str(error), method=request.method, path=request.url.path)
        return refusal(error, status)

    app.add_exception_handler(RequestError, refuse)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    # Starlette raises it on besides, to the middleware, which logs it.
    app.add_exception_handler(Exception, _unexpected)


def refusal(error: RequestError, status: int) -> JSONResponse:
    """What a caller reads of an error."""
    text = str(error)
    fields = [(error.field, text.removeprefix(f"{error.field}: "))] if isinstance(error, InvalidError) else []
    again = error.retry_after_seconds
    return problem(status, error.public or text, fields, {"Retry-After": str(again)} if again is not None else None)


def internal() -> JSONResponse:
    """What a caller reads of an error of the program."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")


async def _unexpected(_: Request, __: Exception) -> Response:
    return internal()


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = [(_path(each["loc"]), _sentence(each["msg"])) for each in error.errors()]
    detail = "; ".join(f"{field}: {rule}" for field, rule in fields)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, fields)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    detail = "" if error.detail == HTTPStatus(error.status_code).phrase else str(error.detail)
    return problem(error.status_code, detail, headers=error.headers)


def _path(location: Sequence[int | str]) -> str:
    """Where a field is, such as `items[0].sku`; what is wrong with all of the body is of `body`."""
    path = ""
    for each in location[1:]:
        path += f"[{each}]" if isinstance(each, int) and path else f".{each}" if path else str(each)
    return path if path and not path.isdigit() else str(location[0])


def _sentence(message: str) -> str:
    return message[:1].lower() + message[1:]

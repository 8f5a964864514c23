"""Each failed response is one typed error."""

from typing import Any

import pytest

from delivery_operator.cluster import errors

TERMINATING = {"details": {"causes": [{"reason": "NamespaceTerminating"}]}}


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (404, {}, errors.NotFound),
        (409, {"reason": "AlreadyExists"}, errors.AlreadyExists),
        (409, {"reason": "Conflict"}, errors.Conflict),
        (409, {}, errors.Conflict),
        (410, {"reason": "Expired"}, errors.Gone),
        (403, TERMINATING, errors.Terminating),
        (403, {"details": {"causes": [{"reason": "FieldValueInvalid"}]}}, errors.Forbidden),
        (403, {"details": None}, errors.Forbidden),
        (400, {}, errors.Refused),
        (401, {}, errors.Refused),
        (405, {}, errors.Refused),
        (413, {}, errors.Refused),
        (422, {}, errors.Refused),
        (429, {}, errors.Unavailable),
        (500, {}, errors.Unavailable),
        (503, {}, errors.Unavailable),
        (504, {}, errors.Unavailable),
        (302, {}, errors.Unavailable),
    ],
)
def test_the_error_of_a_response(code: int, status: dict[str, Any], kind: type[errors.ApiError]) -> None:
    error = errors.of_response("GET /api", code, {"message": "because", **status}, None)
    assert type(error) is kind
    assert str(error) == "GET /api: because"
    assert (error.request, error.message, error.code) == ("GET /api", "because", code)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), (None, None), ("", None), ("Wed, 21 Oct", None)])
def test_the_server_may_ask_to_wait(header: str | None, seconds: float | None) -> None:
    error = errors.of_response("GET /api", 429, {}, header)
    assert isinstance(error, errors.Unavailable)
    assert error.retry_after == seconds


def test_without_a_message_the_code_is_told() -> None:
    assert str(errors.of_response("GET /api", 500, {}, None)) == "GET /api: HTTP 500"


def test_a_namespace_that_goes_is_a_refusal_too() -> None:
    assert issubclass(errors.Terminating, errors.Refused)


def test_a_webhook_that_does_not_answer_is_told_as_a_refusal() -> None:
    said = 'Internal error occurred: failed calling webhook "judge.example.com": no endpoints available'
    error = errors.of_response("PATCH /apis", 500, {"message": said, "reason": "InternalError"}, None)
    assert type(error) is errors.WebhookFailed
    assert isinstance(error, errors.Refused)

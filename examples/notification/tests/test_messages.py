"""SN-3, SN-7, MQ-7: tasks and events as JSON."""

import pytest

from chassis.errors import RejectedError
from notification_service.domain import Event, NotificationTask
from notification_service.transport.messages import read_event, read_task, write_task


def test_a_task_is_read_as_it_is_written() -> None:
    task = NotificationTask("ada", "Grüße aus dem Laden", "7:order_paid")
    assert read_task(write_task(task)) == task


def test_a_users_number_is_text() -> None:
    """SN-3: `user_id int`."""
    task = read_task(b'{"user_id": 123, "message": "m", "notification_id": "n", "more": 1}')
    assert task == NotificationTask("123", "m", "n")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "body: Invalid JSON"),
        (b"\xff", "body: Invalid JSON"),
        (b"[]", "body: Input should be an object"),
        (b"{}", "user_id: Field required; message: Field required; notification_id: Field required"),
        (b'{"user_id": true, "message": "m", "notification_id": "n"}', "user_id: Input should be a valid string"),
        (b'{"user_id": "u", "message": " ", "notification_id": "n"}', "message: must not be empty"),
        (b'{"user_id": "u", "message": "m", "notification_id": 5}', "notification_id: Input should be a valid string"),
        (b'{"user_id": "u", "message": "m", "notification_id": "a\\u0000"}', "notification_id: must not contain NUL"),
        (b'{"user_id": "u", "message": "\\ud800", "notification_id": "n"}', "body: Invalid JSON"),
        (
            b'{"user_id": "%s", "message": "m", "notification_id": "n"}' % (b"u" * 129),
            "user_id: must be at most 128 characters, has 129",
        ),
    ],
)
def test_what_is_no_task_is_rejected_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(RejectedError) as rejected:
        read_task(body)
    assert str(rejected.value).startswith(reason)


def test_an_event_of_a_delivery() -> None:
    body = b'{"event": "delivery_assigned", "id": "7", "user_id": "ada", "courier_id": "c", "eta_minutes": 25}'
    event = read_event(body, {"event-id": "7:delivery_assigned"})
    assert event == Event("7:delivery_assigned", "delivery_assigned", "7", "ada", 25)


def test_an_event_without_an_id_of_its_own_is_known_all_the_same() -> None:
    assert read_event(b'{"event": "order_paid", "id": "7", "user_id": "ada"}', {}).id == "7:order_paid"


@pytest.mark.parametrize(
    "body", [b"{", b'{"id": "7", "user_id": "ada"}', b'{"event": "x", "id": "7", "user_id": "a", "eta_minutes": -1}']
)
def test_what_is_no_event_is_rejected(body: bytes) -> None:
    with pytest.raises(RejectedError):
        read_event(body, {})

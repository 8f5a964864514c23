"""What becomes of events, and what a notification looks like."""

import pytest

from notification_service.domain import MAX_SUBJECT_LENGTH, Event, NotificationTask, task_of


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("order_created", "Your order 7 has been placed."),
        ("order_paid", "Your order 7 has been paid."),
        ("delivery_assigned", "Your order 7 is on its way."),
        ("order_delivered", "Your order 7 has been delivered."),
        ("order_cancelled", "Your order 7 has been cancelled."),
    ],
)
def test_users_are_told(event: str, message: str) -> None:
    task = task_of(Event(f"7:{event}", event, "7", "ada"))
    assert task == NotificationTask("ada", message, f"7:{event}")


def test_users_are_told_when_the_courier_comes() -> None:
    task = task_of(Event("e", "delivery_assigned", "7", "ada", 25))
    assert task is not None
    assert task.message == "Your order 7 is on its way and will be with you in about 25 minutes."


@pytest.mark.parametrize("event", ["order_in_delivery", "delivery_completed", "order_frozen"])
def test_users_are_not_told_of_everything(event: str) -> None:
    assert task_of(Event("e", event, "7", "ada")) is None


def test_a_braced_id_is_no_format() -> None:
    task = task_of(Event("e", "order_paid", "{eta}", "ada"))
    assert task is not None
    assert "{eta}" in task.message


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("Your order is here.", "Your order is here."),
        ("\n  Your\torder \nis here.", "Your order"),
        ("a" * 101, "a" * (MAX_SUBJECT_LENGTH - 1) + "…"),
        ("\u2028", ""),
    ],
)
def test_the_subject_is_the_first_line(message: str, subject: str) -> None:
    assert NotificationTask("ada", message, "n").subject == subject


def test_the_message_id_is_that_of_the_notification() -> None:
    """SN-8: however often it is sent, mail systems see one mail."""
    one = NotificationTask("ada", "one", "7:order paid")
    assert one.message_id("shop.test") == NotificationTask("bob", "two", "7:order paid").message_id("shop.test")
    assert one.message_id("shop.test") != NotificationTask("ada", "one", "8:order_paid").message_id("shop.test")
    assert one.message_id("shop.test").endswith("@shop.test>")

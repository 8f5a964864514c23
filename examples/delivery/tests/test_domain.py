"""Rules, without network or storage."""

import json
from datetime import datetime
from math import nan

import pytest

from chassis.errors import CommandError
from delivery_service.domain import (
    Delivery,
    Eta,
    Event,
    News,
    Place,
    State,
    check_id,
    check_search,
    distance_km,
    estimate,
)
from delivery_service.errors import InvalidDeliveryError
from delivery_service.settings import WorkerSettings
from delivery_service.transport.events import Heard, OrderEvent, read, write

ALEXANDERPLATZ, BRANDENBURG_GATE = Place(52.5219, 13.4132), Place(52.5163, 13.3777)


def test_a_distance_is_that_of_the_great_circle() -> None:
    assert distance_km(ALEXANDERPLATZ, BRANDENBURG_GATE) == pytest.approx(2.48, abs=0.02)
    assert distance_km(Place(0, 179.5), Place(0, -179.5)) == pytest.approx(111.19, abs=0.1)
    assert distance_km(ALEXANDERPLATZ, ALEXANDERPLATZ) == 0


def test_an_estimate_is_marked_as_one_and_is_never_nothing() -> None:
    assert estimate(ALEXANDERPLATZ, BRANDENBURG_GATE) == Eta(11, estimated=True)
    assert estimate(ALEXANDERPLATZ, ALEXANDERPLATZ) == Eta(1, estimated=True)


@pytest.mark.parametrize(
    ("latitude", "longitude", "field"), [(86, 0, "latitude"), (nan, 0, "latitude"), (0, 180.1, "longitude")]
)
def test_a_place_is_one_that_can_be_searched_by(latitude: float, longitude: float, field: str) -> None:
    with pytest.raises(InvalidDeliveryError) as refused:
        Place(latitude, longitude)
    assert refused.value.field == field


def test_the_place_of_the_pickup_is_two_numbers() -> None:
    given = {"redis_addr": "redis:6379", "kafka_brokers": "kafka:9092"}
    assert WorkerSettings.load(**given, pickup_place="52.5219, 13.4132").search.pickup == ALEXANDERPLATZ
    for wrong in ("52.5", "here,there", "91,0", ""):
        with pytest.raises(CommandError, match="PICKUP_PLACE"):
            WorkerSettings.load(**given, pickup_place=wrong)


@pytest.mark.parametrize("wrong", ["", "a" * 65, "a:b", "a b", "ä"])
def test_an_id_becomes_part_of_a_key(wrong: str) -> None:
    with pytest.raises(InvalidDeliveryError, match=r"courier_id: must be 1 to 64"):
        check_id("courier_id", wrong)


@pytest.mark.parametrize(("radius", "most", "field"), [(0, 1, "radius_km"), (101, 1, "radius_km"), (1, 0, "limit")])
def test_a_search_has_its_limits(radius: float, most: int, field: str) -> None:
    check_search(100, 100)
    with pytest.raises(InvalidDeliveryError) as refused:
        check_search(radius, most)
    assert refused.value.field == field


def test_what_matters_of_orders_is_read_and_the_rest_left() -> None:
    def message(event: str) -> bytes:
        return json.dumps({"event": event, "id": "o1", "user_id": "u1", "new_field": 1}).encode()

    assert read(message("order_paid")) == OrderEvent(Heard.PAID, "o1", "u1")
    assert read(message("order_created")) is None
    assert read(message("order_of_a_later_release")) is None


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (b"\xff", "value"),
        (b"[]", "value"),
        (b"{}", "event"),
        (b'{"event": "order_paid", "id": 1}', "id"),
        (b'{"event": "order_paid", "id": "a:b", "user_id": "u"}', "id"),
        (b'{"event": "order_paid", "id": "o1"}', "user_id"),
        (b'{"event": "order_paid", "id": "o1", "user_id": "' + b"u" * 129 + b'"}', "user_id"),
    ],
)
def test_what_cannot_be_read_is_told_by_field(value: bytes, field: str) -> None:
    with pytest.raises(InvalidDeliveryError) as refused:
        read(value)
    assert refused.value.field == field


def test_an_event_told_again_is_the_same_to_the_byte() -> None:
    delivery = Delivery("o1", "u1", State.ASSIGNED, "anna")
    when = "2026-01-02T03:04:05+00:00"
    event = Event(News.ASSIGNED, delivery, datetime.fromisoformat(when), {})
    message = write(event, Eta(8, estimated=False), {"traceparent": "t"})
    assert (message.key, message.headers) == ("o1", {"event-id": "o1:delivery_assigned", "traceparent": "t"})
    assert json.loads(message.value) == {
        "event": "delivery_assigned",
        "id": "o1",
        "user_id": "u1",
        "courier_id": "anna",
        "eta_minutes": 8,
        "eta_estimated": False,
        "happened_at": when,
    }

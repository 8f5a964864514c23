"""Stripe's webhooks: signed, not old, each once, and some of them the only word of what was done."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from inside import Death, Inside, Killed
from processes import Client, Payment, Surroundings, started

from chassis_testing.stripe_stand_in.webhooks import sign
from payment_service.domain import PaymentStatus

PATH = "/v1/webhooks/stripe"
UNTIL = {"capture": 8, "refund": 5}
"""The calls after which the process dies; see test_saga."""


@pytest.fixture(scope="module")
def surroundings(unattended: Surroundings) -> Surroundings:
    """Without a worker: only an event or the test goes on with a payment."""
    return unattended


@pytest.fixture(scope="module")
async def payment(surroundings: Surroundings) -> AsyncIterator[Payment]:
    """A running `payment web` for them."""
    async with started(surroundings) as running:
        yield running


async def captured_unheard(inside: Inside) -> tuple[str, UUID]:
    """A payment that was captured by a process that died before it heard so."""
    order_id = inside.surroundings.orders.add()
    with pytest.raises(Killed):
        await inside.payments(Death(UNTIL["capture"])).pay(order_id, "pm_card_visa", "k")
    ((payment_id, status),) = inside.surroundings.rows("SELECT id, status FROM payments WHERE order_id = %s", order_id)
    assert status == "order_paid"
    return order_id, payment_id


def event_of(surroundings: Surroundings, order_id: str, kind: str) -> dict[str, Any]:
    found = surroundings.account.events(kind)
    return next(each for each in found if each["data"]["object"]["metadata"].get("order_id") == order_id)


async def send(client: Client, payload: bytes, signature: str | None) -> int:
    headers = {} if signature is None else {"Stripe-Signature": signature}
    return (await client.http.post(PATH, content=payload, headers=headers)).status_code


async def deliver(surroundings: Surroundings, event: dict[str, Any], url: str, secret: str | None = None) -> int:
    return await asyncio.to_thread(surroundings.account.deliver, event, f"{url}{PATH}", secret)


async def test_an_event_finishes_a_payment_whose_capture_nobody_heard_of_and_only_once(
    payment: Payment, surroundings: Surroundings, inside: Inside
) -> None:
    order_id, payment_id = await captured_unheard(inside)
    event = event_of(surroundings, order_id, "payment_intent.succeeded")
    answers = await asyncio.gather(*(deliver(surroundings, event, payment.url) for _ in range(5)))
    assert answers == [200] * 5
    assert surroundings.statuses(order_id) == ["succeeded"]
    assert surroundings.settled(order_id)
    await payment.said("event of stripe", event_id=event["id"], new=True, changed=True)
    lines = [line for line in payment.lines if line.get("event_id") == event["id"]]
    assert sorted((line["new"], line["changed"]) for line in lines) == [(False, False)] * 4 + [(True, True)]
    assert (await inside.resume(payment_id)).status is PaymentStatus.SUCCEEDED
    assert surroundings.money(order_id) == {"authorised": 1, "captured": 1}


async def test_a_replayed_event_has_no_effect_on_what_came_after(
    payment: Payment, surroundings: Surroundings, inside: Inside
) -> None:
    order_id, payment_id = await captured_unheard(inside)
    event = event_of(surroundings, order_id, "payment_intent.succeeded")
    await deliver(surroundings, event, payment.url)
    surroundings.rows("UPDATE payments SET status = 'order_paid' WHERE id = %s", payment_id)
    assert await deliver(surroundings, event, payment.url) == 200
    assert surroundings.statuses(order_id) == ["order_paid"]
    surroundings.rows("UPDATE payments SET status = 'succeeded' WHERE id = %s", payment_id)


async def test_an_event_finishes_a_refund(payment: Payment, surroundings: Surroundings, inside: Inside) -> None:
    order_id = surroundings.orders.add()
    made = await inside.payments(Death()).pay(order_id, "pm_card_visa", "k")
    with pytest.raises(Killed):
        await inside.payments(Death(UNTIL["refund"])).refund(str(made.id))
    assert surroundings.statuses(order_id) == ["order_cancelled"]
    assert await deliver(surroundings, event_of(surroundings, order_id, "charge.refunded"), payment.url) == 200
    assert surroundings.statuses(order_id) == ["refunded"]


async def test_an_event_that_comes_early_changes_nothing_and_does_not_stand_in_the_way(
    payment: Payment, surroundings: Surroundings
) -> None:
    """As they come: Stripe tells while the request goes on, or before it does."""
    surroundings.account.send_events_to(f"{payment.url}{PATH}")
    order_ids = [surroundings.orders.add() for _ in range(4)]
    async with payment.client() as client:
        answers = await asyncio.gather(*(client.pay(each) for each in order_ids))
    surroundings.account.send_events_to("http://127.0.0.1:1")
    assert {answer.status_code for answer in answers} == {201}
    for order_id in order_ids:
        await payment.said(
            "event of stripe", event_id=event_of(surroundings, order_id, "payment_intent.succeeded")["id"]
        )
        assert surroundings.money(order_id) == {"authorised": 1, "captured": 1}


async def test_who_is_not_stripe_is_refused(payment: Payment, surroundings: Surroundings, inside: Inside) -> None:
    order_id, payment_id = await captured_unheard(inside)
    event = event_of(surroundings, order_id, "payment_intent.succeeded")
    payload, secret = json.dumps(event).encode(), surroundings.account.webhook_secret
    async with payment.client() as client:
        forged = [
            await send(client, payload, None),
            await send(client, payload, "nonsense"),
            await send(client, payload, sign(payload, "whsec_of_somebody_else")),
            await send(client, payload.replace(b"succeeded", b"canceled"), sign(payload, secret)),
            await send(client, payload, sign(payload, secret, int(time.time()) - 301)),
            await send(client, b"\xff\xfe", sign(payload, secret)),
        ]
        assert forged == [400] * 6
        assert surroundings.statuses(order_id) == ["order_paid"]
        rotated = sign(payload, "whsec_old") + "," + sign(payload, secret).partition(",")[2]
        assert await send(client, payload, rotated) == 200
    assert surroundings.statuses(order_id) == ["succeeded"]
    assert (await inside.resume(payment_id)).status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize(
    "event",
    [
        {"type": "customer.created", "data": {"object": {"object": "customer", "id": "cus_1"}}},
        {"type": "payment_intent.created", "data": {"object": {"object": "payment_intent", "id": "pi_1"}}},
        {"type": "payment_intent.succeeded", "data": {"object": {"object": "payment_intent", "id": "pi_nobodys"}}},
        {"type": "charge.refunded", "data": {"object": {"object": "charge", "payment_intent": "pi_1"}}},
    ],
)
async def test_what_is_not_ours_is_taken_and_forgotten(
    payment: Payment, surroundings: Surroundings, event: dict[str, Any]
) -> None:
    payload = json.dumps({"id": f"evt_{uuid4().hex}", "object": "event", **event}).encode()
    async with payment.client() as client:
        assert await send(client, payload, sign(payload, surroundings.account.webhook_secret)) == 200

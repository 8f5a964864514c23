"""SP-1, SP-3, X-8, X-11: payments and refunds over HTTP, of a running service."""

import asyncio
from uuid import uuid4

import orders as shop
import pytest
from processes import Payment, Surroundings


async def test_an_order_is_paid_and_the_payment_can_be_read(payment: Payment, surroundings: Surroundings) -> None:
    order_id = surroundings.orders.add(1299, user_id="123")
    async with payment.client() as client:
        made = await client.pay(order_id)
        found = await client.get(made.json()["id"])
        unchanged = await client.get(made.json()["id"], **{"If-None-Match": found.headers["etag"]})
    assert (made.status_code, made.headers["location"]) == (201, f"/v1/payments/{made.json()['id']}")
    expected = {"order_id": order_id, "status": "succeeded", "currency": "EUR", "amount": 1299, "failure": None}
    assert expected.items() <= made.json().items()
    assert found.json() == made.json()
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert surroundings.orders.status(order_id) == shop.PAID
    (intent,) = surroundings.intents(order_id)
    assert (intent["status"], intent["amount_received"], intent["currency"]) == ("succeeded", 1299, "eur")
    assert intent["metadata"] == {"payment_id": made.json()["id"], "order_id": order_id}
    await payment.said("payment changed", status="succeeded", payment_id=made.json()["id"])
    await payment.said("request", path=f"/v1/payments/{made.json()['id']}", status=200, user_id="123")


@pytest.mark.parametrize(
    ("body", "headers", "field"),
    [
        ({"payment_method": "pm_card_visa"}, {"Idempotency-Key": "k"}, "order_id"),
        ({"order_id": "x", "payment_method": "4242424242424242"}, {"Idempotency-Key": "k"}, "payment_method"),
        ({"order_id": "x", "payment_method": "pm_card_visa", "amount": 1}, {"Idempotency-Key": "k"}, "amount"),
        ({"order_id": "x", "payment_method": "pm_card_visa"}, {}, "Idempotency-Key"),
        ({"order_id": "x", "payment_method": "pm_card_visa"}, {"Idempotency-Key": "a b"}, "Idempotency-Key"),
        ({"order_id": str(uuid4()), "payment_method": "pm_card_visa"}, {"Idempotency-Key": "k"}, "order_id"),
        ({"order_id": "x", "payment_method": "pm_card_visa"}, {"Idempotency-Key": "k"}, "order_id"),
    ],
)
async def test_a_wrong_field_is_named(
    payment: Payment, body: dict[str, str], headers: dict[str, str], field: str
) -> None:
    async with payment.client() as client:
        answer = await client.http.post("/v1/payments", json=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_what_cannot_be_paid_is_refused_before_anybody_is_asked_for_money(
    payment: Payment, surroundings: Surroundings
) -> None:
    orders = surroundings.orders
    cancelled, paid = orders.add(), orders.add()
    orders.set(cancelled, shop.CANCELLED)
    orders.set(paid, shop.PAID)
    all_of_them = (cancelled, paid, orders.add(None), orders.add(0))
    async with payment.client() as client:
        answers = [await client.pay(each) for each in all_of_them]
        unknown = [await client.get(each) for each in (str(uuid4()), "no-uuid")]
    told = [(answer.status_code, answer.json()["detail"]) for answer in answers]
    assert told[:2] == [(409, "the order is cancelled"), (409, "the order is paid")]
    assert told[2:] == [(422, "order_id: the order has no price")] * 2
    assert [answer.status_code for answer in unknown] == [404, 404]
    assert [surroundings.intents(each) for each in all_of_them] == [[]] * 4
    assert [surroundings.statuses(each) for each in all_of_them] == [[]] * 4


async def test_a_declined_card_is_a_402_and_the_order_can_be_paid_by_another(
    payment: Payment, surroundings: Surroundings
) -> None:
    order_id = surroundings.orders.add()
    async with payment.client() as client:
        no_money = "pm_card_visa_chargeDeclinedInsufficientFunds"
        key = uuid4().hex
        declined = [await client.pay(order_id, key, no_money) for _ in range(2)]
        asked = await client.pay(order_id, payment_method="pm_card_threeDSecure2Required")
        unknown = await client.pay(order_id, payment_method="pm_nobodys")
        assert surroundings.orders.status(order_id) == shop.PENDING
        paid = await client.pay(order_id)
    for answer in declined:
        assert (answer.status_code, answer.headers["content-type"]) == (402, "application/problem+json")
        assert answer.json()["title"] == "Payment Required"
        detail = "the card was declined (insufficient_funds): Your card has insufficient funds."
        assert answer.json()["detail"] == detail
    assert (asked.status_code, "authentication_required" in asked.json()["detail"]) == (402, True)
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "payment_method")
    assert paid.status_code == 201
    assert surroundings.statuses(order_id) == ["declined", "declined", "declined", "succeeded"]
    statuses = [intent["status"] for intent in surroundings.intents(order_id)]
    assert statuses == ["requires_payment_method", "canceled", "succeeded"]


async def test_the_same_request_has_the_same_answer_and_is_paid_once(
    payment: Payment, surroundings: Surroundings
) -> None:
    order_id, other = surroundings.orders.add(), surroundings.orders.add()
    key = uuid4().hex
    async with payment.client() as client:
        at_once = await asyncio.gather(*(client.pay(order_id, key) for _ in range(5)))
        later = await client.pay(order_id, key)
        reused = [await client.pay(other, key), await client.pay(order_id, key, "pm_card_mastercard")]
    assert {answer.status_code for answer in at_once} <= {201, 409}
    assert all(answer.headers["retry-after"] == "1" for answer in at_once if answer.status_code == 409)
    assert [answer.json() for answer in at_once if answer.status_code == 201] == [later.json()]
    assert later.headers["location"] == f"/v1/payments/{later.json()['id']}"
    assert [(answer.status_code, answer.json()["errors"][0]["field"]) for answer in reused] == [
        (422, "Idempotency-Key")
    ] * 2
    assert surroundings.money(order_id) == {"authorised": 1, "captured": 1}
    assert surroundings.money(other) == {}


async def test_two_keys_at_once_pay_an_order_once(payment: Payment, surroundings: Surroundings) -> None:
    """The ids are written in two ways: it is the same order all the same."""
    async with payment.client() as client:
        for _ in range(3):  # four at once: of more, some wait for their turn, and are refused where that takes long
            order_id = surroundings.orders.add()
            ids = (order_id, order_id, order_id.upper(), order_id.upper())
            answers = await asyncio.gather(*(client.pay(each) for each in ids))
            assert sorted(answer.status_code for answer in answers) == [201] + [409] * 3
            assert surroundings.money(order_id) == {"authorised": 1, "captured": 1}
            assert surroundings.orders.paid(order_id) == 1


async def test_a_refund_cancels_the_order_and_gives_all_back_once(payment: Payment, surroundings: Surroundings) -> None:
    order_id = surroundings.orders.add(1299)
    async with payment.client() as client:
        made = (await client.pay(order_id)).json()
        answers = [await client.refund(made["id"], key) for key in ("a", "a", "b")]
        found = (await client.get(made["id"])).json()
        again = await client.pay(order_id)
    expected = {"payment_id": made["id"], "status": "refunded", "currency": "EUR", "amount": 1299}
    assert [(answer.status_code, answer.json()) for answer in answers] == [(201, expected)] * 3
    assert found["status"] == "refunded"
    assert (again.status_code, again.json()["detail"]) == (409, "the order is cancelled")
    assert surroundings.orders.status(order_id) == shop.CANCELLED
    assert surroundings.money(order_id) == {"authorised": 1, "captured": 1, "refunded": 1}


async def test_what_cannot_be_given_back_stays(payment: Payment, surroundings: Surroundings) -> None:
    delivered, declined = surroundings.orders.add(), surroundings.orders.add()
    async with payment.client() as client:
        made = (await client.pay(delivered)).json()
        await client.pay(declined, payment_method="pm_card_chargeDeclined")
        surroundings.orders.set(delivered, shop.DELIVERED)
        late = await client.refund(made["id"])
        ((declined_id,),) = surroundings.rows("SELECT id::text FROM payments WHERE order_id = %s", declined)
        nothing, unknown = await client.refund(declined_id), await client.refund(str(uuid4()))
        found = (await client.get(made["id"])).json()
    assert (late.status_code, late.json()["detail"]) == (409, "the order cannot be cancelled any more")
    assert (nothing.status_code, unknown.status_code) == (409, 404)
    assert found["status"] == "succeeded"
    assert surroundings.money(delivered) == {"authorised": 1, "captured": 1}


async def test_one_trace_goes_to_the_order_service(payment: Payment, surroundings: Surroundings) -> None:
    """SP-4, SP-10, X-2, LG-4, OB-3."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with payment.client() as client:
        surroundings.orders.traces.clear()
        answer = await client.pay(
            surroundings.orders.add(), traceparent=f"00-{trace}-00f067aa0ba902b7-01", **{"X-Request-ID": "req-1"}
        )
    assert answer.headers["x-request-id"] == "req-1"
    assert set(surroundings.orders.traces) == {trace}
    await payment.said("payment changed", status="succeeded", trace_id=trace, request_id="req-1", user_id="123")

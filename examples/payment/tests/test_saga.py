"""SP-9, X-7: wherever a process dies, an order is paid once and taken once, or nothing is taken.

The process dies after each call that it makes: what was asked for is done, and the process does not know it.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import orders as shop
import pytest
from inside import Death, Inside, Killed

from payment_service.domain import Payment, PaymentStatus
from payment_service.errors import ClaimLostError, DeclinedError, NotRefundableError, OrderNotPayableError
from payment_service.pb import order_service_pb2 as pb

BEFORE_IT_IS_STORED = 2
"""Calls: whether the request is known, and what the order is."""
PAY = ["of_request", "find", "add", "authorise", "advance", "pay", "advance", "capture", "advance"]
REFUSED = [*PAY[:7], "cancel", "advance"]
DECLINED = PAY[:5]
VOIDED = [*PAY, "cancel", "advance"]
REFUND = ["find", "begin_refund", "cancel", "advance", "refund", "advance"]


async def pay(inside: Inside, order_id: str, death: Death, card: str = "pm_card_visa", key: str = "k") -> Payment:
    return await inside.payments(death).pay(order_id, card, key)


async def stored(inside: Inside, order_id: str) -> UUID | None:
    found = inside.surroundings.rows("SELECT id FROM payments WHERE order_id = %s", order_id)
    return found[0][0] if found else None


async def resumed(inside: Inside, order_id: str) -> Payment | None:
    payment_id = await stored(inside, order_id)
    return await inside.resume(payment_id) if payment_id else None


def cancel_at_stripe(inside: Inside, order_id: str) -> None:
    """What happens to an authorisation that is not captured for a week."""
    account, (intent,) = inside.surroundings.account, inside.surroundings.intents(order_id)
    headers = {"Authorization": f"Bearer {account.key}"}
    httpx.post(f"{account.url}/v1/payment_intents/{intent['id']}/cancel", headers=headers).raise_for_status()


@pytest.mark.parametrize("after", range(len(PAY) + 1))
async def test_a_payment_that_would_succeed(inside: Inside, after: int) -> None:
    shopping, order_id = inside.surroundings, inside.surroundings.orders.add()
    death = Death(after)
    if after:
        with pytest.raises(Killed):
            await pay(inside, order_id, death)
    else:
        await pay(inside, order_id, death)
    assert death.calls == PAY[: after or len(PAY)]
    payment = await resumed(inside, order_id)
    if 0 < after <= BEFORE_IT_IS_STORED:
        assert (payment, shopping.money(order_id), shopping.orders.status(order_id)) == (None, {}, shop.PENDING)
    else:
        assert payment is not None
        assert (payment.status, payment.failure) == (PaymentStatus.SUCCEEDED, None)
        assert shopping.money(order_id) == {"authorised": 1, "captured": 1}
        assert shopping.orders.paid(order_id) == 1
    again = await pay(inside, order_id, Death())
    assert again.status is PaymentStatus.SUCCEEDED
    assert shopping.money(order_id) == {"authorised": 1, "captured": 1}


@pytest.mark.parametrize("after", range(4, len(REFUSED) + 1))
async def test_a_payment_whose_order_is_cancelled_meanwhile(inside: Inside, after: int) -> None:
    shopping, order_id = inside.surroundings, inside.surroundings.orders.add()
    death = Death(after, {"authorise": lambda: shopping.orders.set(order_id, shop.CANCELLED)})
    with pytest.raises(Killed):
        await pay(inside, order_id, death)
    assert death.calls == REFUSED[:after]
    payment = await resumed(inside, order_id)
    assert payment is not None
    assert payment.status is PaymentStatus.CANCELLED
    assert shopping.money(order_id) == {"authorised": 1, "cancelled": 1}
    assert shopping.orders.status(order_id) == shop.CANCELLED
    with pytest.raises(OrderNotPayableError, match="nothing was taken"):
        await pay(inside, order_id, Death())


@pytest.mark.parametrize("after", range(3, len(DECLINED) + 1))
async def test_a_payment_whose_card_says_no(inside: Inside, after: int) -> None:
    shopping, order_id, card = inside.surroundings, inside.surroundings.orders.add(), "pm_card_chargeDeclined"
    death = Death(after)
    # The answer of the call that says no is an error, so there is no dying after it: the next one is to write it down.
    with pytest.raises(DeclinedError if after == 4 else Killed):
        await pay(inside, order_id, death, card)
    payment = await resumed(inside, order_id)
    assert payment is not None
    assert payment.status is PaymentStatus.DECLINED
    assert shopping.money(order_id) == {}
    assert shopping.orders.status(order_id) == shop.PENDING
    assert (await pay(inside, order_id, Death(), key="l")).status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("after", range(6, len(VOIDED) + 1))
async def test_a_payment_whose_authorisation_has_lapsed(inside: Inside, after: int) -> None:
    shopping, order_id = inside.surroundings, inside.surroundings.orders.add()
    death = Death(after, {"pay": lambda: cancel_at_stripe(inside, order_id)})
    with pytest.raises(Killed):
        await pay(inside, order_id, death)
    assert death.calls == VOIDED[:after]
    payment = await resumed(inside, order_id)
    assert payment is not None
    assert payment.status is PaymentStatus.CANCELLED
    assert shopping.money(order_id) == {"authorised": 1, "cancelled": 1}
    assert shopping.orders.status(order_id) == shop.CANCELLED


@pytest.mark.parametrize("after", range(len(REFUND) + 1))
async def test_a_refund(inside: Inside, after: int) -> None:
    shopping, order_id = inside.surroundings, inside.surroundings.orders.add()
    payment_id = (await pay(inside, order_id, Death())).id
    death = Death(after)
    if after:
        with pytest.raises(Killed):
            await inside.payments(death).refund(str(payment_id))
    else:
        await inside.payments(death).refund(str(payment_id))
    assert death.calls == REFUND[: after or len(REFUND)]
    payment = await resumed(inside, order_id)
    assert payment is not None
    assert payment.status is (PaymentStatus.SUCCEEDED if after == 1 else PaymentStatus.REFUNDED)
    refunded = await inside.payments(Death()).refund(str(payment_id))
    assert refunded.status is PaymentStatus.REFUNDED
    assert shopping.money(order_id) == {"authorised": 1, "captured": 1, "refunded": 1}
    assert shopping.orders.status(order_id) == shop.CANCELLED


@pytest.mark.parametrize("gone_on", [shop.IN_DELIVERY, shop.DELIVERED])
async def test_an_order_that_has_gone_on_since_it_was_paid_is_paid(
    inside: Inside, gone_on: pb.OrderStatus.ValueType
) -> None:
    """The delivery service hears of the paid order before the dead process's payment is resumed."""
    shopping, order_id = inside.surroundings, inside.surroundings.orders.add()
    with pytest.raises(Killed):
        await pay(inside, order_id, Death(PAY.index("pay") + 1))
    shopping.orders.set(order_id, gone_on)
    payment = await resumed(inside, order_id)
    assert payment is not None
    assert payment.status is PaymentStatus.SUCCEEDED
    assert shopping.money(order_id) == {"authorised": 1, "captured": 1}


async def test_what_somebody_else_has_captured_is_given_back_if_the_order_refuses(inside: Inside) -> None:
    shopping, order_id = inside.surroundings, inside.surroundings.orders.add()
    with pytest.raises(Killed):
        await pay(inside, order_id, Death(PAY.index("advance") + 1))
    shopping.orders.set(order_id, shop.CANCELLED)
    account, (intent,) = shopping.account, shopping.intents(order_id)
    headers = {"Authorization": f"Bearer {account.key}"}
    httpx.post(f"{account.url}/v1/payment_intents/{intent['id']}/capture", headers=headers).raise_for_status()
    payment = await resumed(inside, order_id)
    assert payment is not None
    assert payment.status is PaymentStatus.CANCELLED
    assert shopping.money(order_id) == {"authorised": 1, "captured": 1, "refunded": 1}


async def test_an_authorisation_is_not_asked_for_again_when_stripe_may_have_forgotten_its_key(inside: Inside) -> None:
    shopping, order_id = inside.surroundings, inside.surroundings.orders.add()
    with pytest.raises(Killed):
        await pay(inside, order_id, Death(PAY.index("authorise") + 1))
    payment_id = await stored(inside, order_id)
    assert payment_id is not None
    payment = await inside.resume(payment_id, now=lambda: datetime.now(UTC) + timedelta(hours=24))
    assert (payment.status, payment.failure and payment.failure.code) == (PaymentStatus.CANCELLED, "abandoned")
    assert shopping.money(order_id) == {"authorised": 1}
    assert shopping.orders.status(order_id) == shop.PENDING


async def test_a_process_that_only_seemed_dead_does_not_go_on(inside: Inside) -> None:
    """Two of them would be at the same payment: the one whose claim is older stops at its next step."""
    order_id = inside.surroundings.orders.add()
    with pytest.raises(Killed):
        await pay(inside, order_id, Death(PAY.index("authorise") + 1))
    payment_id = await stored(inside, order_id)
    assert payment_id is not None
    before = await inside.repository.find(payment_id)
    assert before is not None
    inside.surroundings.rows("UPDATE payments SET claim = %s WHERE id = %s", uuid4(), payment_id)
    with pytest.raises(ClaimLostError):
        await inside.saga(Death()).run(before, uuid4())
    after = await resumed(inside, order_id)
    assert after is not None
    assert after.status is PaymentStatus.SUCCEEDED
    assert inside.surroundings.money(order_id) == {"authorised": 1, "captured": 1}


async def test_a_refund_that_the_order_refuses_changes_nothing(inside: Inside) -> None:
    shopping, order_id = inside.surroundings, inside.surroundings.orders.add()
    payment_id = (await pay(inside, order_id, Death())).id
    shopping.orders.set(order_id, shop.DELIVERED)
    with pytest.raises(NotRefundableError, match="cannot be cancelled"):
        await inside.payments(Death()).refund(str(payment_id))
    assert shopping.money(order_id) == {"authorised": 1, "captured": 1}

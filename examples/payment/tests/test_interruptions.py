"""F9-8: processes that die, and others that do not answer; seen from outside, with the worker that goes on."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import httpx
import orders as shop
import pytest
from inside import Death, Inside, Killed
from processes import Payment, Surroundings, started, working
from pydantic import SecretStr

from chassis.sql.database import opened
from chassis_testing.postgresql import PostgreSQL
from chassis_testing.program import eventually
from payment_service.domain import Order, PaymentStatus
from payment_service.service import Payments
from payment_service.settings import Settings
from payment_service.storage.repository import PostgresPaymentRepository
from payment_service.transport.order import RemoteOrderBook

ONCE = {"authorised": 1, "captured": 1}


async def gone_wrong(request: "asyncio.Task[httpx.Response]") -> None:
    """Wait for the end of a request whose server is gone."""
    with pytest.raises(httpx.TransportError):
        await request


async def test_a_process_killed_at_three_places_has_taken_each_order_once(
    surroundings: Surroundings, worker: Payment
) -> None:
    """SIGKILL while Stripe, the order service, and Stripe again have done what was asked, and have not answered."""
    account, orders = surroundings.account, surroundings.orders
    first, second, third = orders.add(), orders.add(), orders.add()
    patient = {"STRIPE_TIMEOUT_SECONDS": "30", "SHUTDOWN_DRAIN_SECONDS": "60"}
    async with started(surroundings, **patient) as web, web.client() as client:
        account.fail("create", "hang", "after")
        requests = [asyncio.create_task(client.pay(first))]
        await eventually(lambda: surroundings.money(first).get("authorised"), "nothing is authorised")
        account.fail("capture", "hang", "after")
        requests.append(asyncio.create_task(client.pay(third)))
        await eventually(lambda: surroundings.money(third).get("captured"), "nothing is captured")
        orders.hangs = 1
        requests.append(asyncio.create_task(client.pay(second)))
        await eventually(lambda: orders.status(second) == shop.PAID, "the order is not paid")
        web.kill()
        await web.ended()
        for request in requests:
            await gone_wrong(request)
    assert [surroundings.statuses(each) for each in (first, second, third)] == [
        ["authorising"],
        ["authorised"],
        ["order_paid"],
    ]
    surroundings.leases_end()
    await eventually(lambda: surroundings.settled(first, second, third), "the worker does not go on")
    for order_id in (first, second, third):
        assert surroundings.statuses(order_id) == ["succeeded"]
        assert surroundings.money(order_id) == ONCE
        assert orders.paid(order_id) == 1
    await worker.said("payment resumed", status="order_paid")


async def test_a_worker_that_is_killed_leaves_its_payment_to_the_next(
    surroundings: Surroundings, inside: Inside, postgresql: PostgreSQL, migrated: str
) -> None:
    """In a database of its own: no other worker is there."""
    own = replace(surroundings, database=postgresql.database(template=migrated))
    order_id = own.orders.add()
    async with opened(Settings(database_url=SecretStr(own.database)), "tests") as engine:
        with pytest.raises(Killed):
            await replace(inside, surroundings=own, engine=engine).payments(Death(3)).pay(order_id, "pm_card_visa", "k")
    own.account.fail("capture", "hang", "after")
    own.leases_end()
    async with working(own, STRIPE_TIMEOUT_SECONDS="30") as first:
        await eventually(lambda: own.money(order_id).get("captured"), "nobody goes on")
        first.kill()
        await first.ended()
    assert own.statuses(order_id) == ["order_paid"]
    own.leases_end()
    async with working(own) as second:
        await eventually(lambda: own.settled(order_id), "nobody goes on")
        second.terminate()
        assert await second.ended() == 0
    assert own.statuses(order_id) == ["succeeded"]
    assert own.money(order_id) == ONCE


@pytest.mark.parametrize("operation", ["create", "capture"])
@pytest.mark.parametrize("how", ["hang", "error"])
async def test_stripe_that_did_it_and_does_not_say_so_is_asked_again(
    payment: Payment, surroundings: Surroundings, operation: str, how: str
) -> None:
    """SP-2, SP-3, W-11."""
    order_id, request_id = surroundings.orders.add(), uuid4().hex
    surroundings.account.fail(operation, how, "after")
    async with payment.client() as client:
        answer = await client.pay(order_id, **{"X-Request-ID": request_id})
    assert answer.status_code == 201
    assert surroundings.money(order_id) == ONCE
    await payment.said("trying again", what="stripe", request_id=request_id)


async def test_while_stripe_is_away_a_payment_is_on_its_way_and_then_it_is_made(
    payment: Payment, surroundings: Surroundings, worker: Payment
) -> None:
    order_id, key = surroundings.orders.add(), uuid4().hex
    surroundings.account.fail("create", "error", "before", times=4)
    async with payment.client() as client:
        answer = await client.pay(order_id, key)
        assert (answer.status_code, answer.json()["status"]) == (202, "processing")
        other = await client.pay(order_id)
        assert (other.status_code, other.json()["title"]) == (409, "Conflict")
        await eventually(lambda: surroundings.settled(order_id), "the worker does not go on")
        again = await client.pay(order_id, key)
    assert (again.status_code, again.json()["status"], again.json()["id"]) == (201, "succeeded", answer.json()["id"])
    assert surroundings.money(order_id) == ONCE
    line = await worker.said("payment changed", payment_id=answer.json()["id"], status="succeeded")
    begun = await payment.said("payment begun", payment_id=answer.json()["id"])
    assert (line["trace_id"], line["user_id"]) == (begun["trace_id"], "123")


async def test_while_the_order_service_is_away_nothing_is_begun_and_what_was_is_finished_later(
    payment: Payment, surroundings: Surroundings, worker: Payment
) -> None:
    orders = surroundings.orders
    begun, not_begun = orders.add(), orders.add()
    async with payment.client() as client:
        orders.unchanging = True
        try:
            answer = await client.pay(begun)
            await orders.stop()
            refused = await client.pay(not_begun)
            assert (answer.status_code, surroundings.statuses(begun)) == (202, ["authorised"])
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert surroundings.statuses(not_begun) == []
            alive = [await client.http.get("/readyz"), await client.get(answer.json()["id"])]
            assert [each.status_code for each in alive] == [200, 200]
        finally:
            orders.unchanging = False
            await orders.stop()
            await orders.start()
        await eventually(lambda: surroundings.settled(begun), "the worker does not go on")
    assert surroundings.money(begun) == ONCE
    assert orders.paid(begun) == 1
    assert surroundings.intents(not_begun) == []
    await worker.said("payment resumed", payment_id=answer.json()["id"], status="authorised")


async def test_an_interrupted_refund_is_finished(payment: Payment, surroundings: Surroundings, worker: Payment) -> None:
    order_id = surroundings.orders.add()
    async with payment.client() as client:
        made = (await client.pay(order_id)).json()
        surroundings.account.fail("refund", "error", "after", times=3)
        answer = await client.refund(made["id"])
        assert (answer.status_code, answer.json()["status"]) == (202, "refunding")
        await eventually(lambda: surroundings.settled(order_id), "the worker does not go on")
        found = await client.get(made["id"])
    assert found.json()["status"] == "refunded"
    assert surroundings.money(order_id) == {**ONCE, "refunded": 1}
    await worker.said("payment changed", payment_id=made["id"], status="refunded")


async def test_stripe_is_asked_ten_times_a_second(inside: Inside) -> None:
    """SP-6, X-5: twelve payments are 24 requests, ten of which may go at once."""
    order_ids = [inside.surroundings.orders.add() for _ in range(12)]
    payments, clock = inside.payments(Death()), asyncio.get_running_loop()
    begun = clock.time()
    made = await asyncio.gather(*(payments.pay(each, "pm_card_visa", "k") for each in order_ids))
    assert clock.time() - begun > 1.3
    assert {each.status for each in made} == {PaymentStatus.SUCCEEDED}


def due_soon(surroundings: Surroundings, order_id: str) -> bool:
    """Whether the worker may go on with an order's payment in a moment, and not when a claim has run out."""
    return surroundings.rows(
        "SELECT due_at < now() + interval '5 seconds' FROM payments WHERE order_id = %s", order_id
    ) == [(True,)]


async def test_whoever_waits_no_longer_leaves_the_payment_to_the_worker(inside: Inside) -> None:
    surroundings = inside.surroundings
    order_id = surroundings.orders.add()
    surroundings.account.fail("create", "hang", "after")
    paying = asyncio.create_task(inside.payments(Death()).pay(order_id, "pm_card_visa", "k"))
    await eventually(lambda: surroundings.money(order_id).get("authorised"), "nothing is authorised")
    paying.cancel()
    await asyncio.wait({paying})
    assert paying.cancelled()
    assert due_soon(surroundings, order_id)


async def test_what_comes_before_the_first_step_is_time_that_the_caller_waits(inside: Inside) -> None:
    """SP-7: a 202 in time, and not a 504."""
    surroundings = inside.surroundings
    order_id = surroundings.orders.add()

    class Late(RemoteOrderBook):
        async def find(self, order_id: str) -> Order | None:
            found = await super().find(order_id)
            await asyncio.sleep(0.3)
            return found

    payments = Payments(inside.repository, Late(inside.remote), inside.saga(Death()), within_seconds=0.2)
    payment = await payments.pay(order_id, "pm_card_visa", "k")
    assert (payment.status, surroundings.money(order_id)) == (PaymentStatus.AUTHORISING, {})
    assert due_soon(surroundings, order_id)


async def test_the_next_release_may_add_a_column_while_this_one_works(
    inside: Inside, surroundings: Surroundings, postgresql: PostgreSQL, migrated: str
) -> None:
    """PG-4: statements that connections have prepared go on working; the driver prepares them at the fifth time."""
    own = replace(surroundings, database=postgresql.database(template=migrated))
    async with opened(Settings(database_url=SecretStr(own.database), db_pool_max_open=1), "tests") as engine:
        payments = replace(inside, surroundings=own, engine=engine).payments(Death())

        async def pay_and_refund() -> None:
            order_id = own.orders.add()
            paid = await payments.pay(order_id, "pm_card_visa", "k")
            await payments.pay(order_id, "pm_card_visa", "k")
            refunded = await payments.refund(str(paid.id))
            assert refunded.status is PaymentStatus.REFUNDED

        for _ in range(7):
            await pay_and_refund()
        own.rows("ALTER TABLE payments ADD COLUMN region text")
        await pay_and_refund()
        assert await PostgresPaymentRepository(engine).claim_due(uuid4(), 1, 1) == []

"""Lists, tracking and changes of statuses, over the wire, against a real database."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import grpc
import psycopg
import pytest
from processes import Order, request, started

from chassis_testing.program import eventually
from order_service.pb import order_service_pb2 as pb

Outcome = pb.UpdateStatusesResponse


def changes(ids: Sequence[str], status: pb.OrderStatus.ValueType) -> pb.UpdateStatusesRequest:
    return pb.UpdateStatusesRequest(changes=[pb.UpdateStatusesRequest.Change(id=each, status=status) for each in ids])


async def test_a_users_orders_come_page_by_page_the_newest_first(lasting: Order) -> None:
    user, other, nobody = (uuid4().hex for _ in range(3))
    async with lasting.client() as client:
        made = [(await client.CreateOrder(request(user, milk=n, bread=1))).order for n in range(1, 6)]
        await client.CreateOrder(request(other))
        found, token, pages = [], "", 0
        while pages == 0 or token:
            asked = pb.ListOrdersRequest(user_id=user, page_size=2, page_token=token)
            page = await client.ListOrders(asked)
            found += list(page.orders)
            token = page.next_page_token
            pages += 1
        nobodys = await client.ListOrders(pb.ListOrdersRequest(user_id=nobody))
    assert pages == 3
    assert found == made[::-1]
    assert list(nobodys.orders) == []


@pytest.mark.parametrize("token", ["nonsense", "W10=", "WyIyMDI2LTAxLTAxIiwgIngiXQ==", "WzEsIDJd", "bnVsbA=="])
async def test_a_page_token_of_ones_own_is_refused(lasting: Order, token: str) -> None:
    async with lasting.client() as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.ListOrders(pb.ListOrdersRequest(user_id="123", page_token=token))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "page_token: is none that ListOrders has given"


async def test_lists_come_from_the_replica_and_nothing_else_does(database: str, another_database: str) -> None:
    """PG-6: here the replica is an empty database, so that what it answers can be told."""
    async with started(database, DATABASE_REPLICA_URL=another_database) as order, order.client() as client:
        created = (await client.CreateOrder(request("123"))).order
        found = (await client.GetOrder(pb.GetOrderRequest(id=created.id))).order
        listed = await client.ListOrders(pb.ListOrdersRequest(user_id="123"))
    assert found == created
    assert list(listed.orders) == []


async def test_statuses_change_by_the_hundred_and_each_is_answered(lasting: Order) -> None:
    """SO-5, PG-9, W-10."""
    async with lasting.client() as client:
        ids: list[str] = []
        for _ in range(6):  # all at once are more than a slow machine answers in time, and some of them are refused
            made = await asyncio.gather(*(client.CreateOrder(request("123")) for _ in range(20)))
            ids += [answer.order.id for answer in made]
        first = await client.UpdateStatuses(changes(ids, pb.ORDER_STATUS_PAID))
        again = await client.UpdateStatuses(changes([*ids[:2], str(uuid4())], pb.ORDER_STATUS_PAID))
        wrong = await client.UpdateStatuses(changes(ids[:1], pb.ORDER_STATUS_DELIVERED))
        found = (await client.GetOrder(pb.GetOrderRequest(id=ids[119]))).order
    assert list(first.outcomes) == [Outcome.OUTCOME_CHANGED] * 120
    assert list(again.outcomes) == [Outcome.OUTCOME_UNCHANGED, Outcome.OUTCOME_UNCHANGED, Outcome.OUTCOME_NOT_FOUND]
    assert list(wrong.outcomes) == [Outcome.OUTCOME_REFUSED]
    assert found.status == pb.ORDER_STATUS_PAID


async def test_changes_of_the_same_orders_at_once_do_not_deadlock(lasting: Order) -> None:
    async with lasting.client() as client:
        ids = [(await client.CreateOrder(request("123"))).order.id for _ in range(50)]
        answers = await asyncio.gather(
            *(client.UpdateStatuses(changes(ids[:: 1 if n % 2 else -1], pb.ORDER_STATUS_PAID)) for n in range(10))
        )
    outcomes = [outcome for answer in answers for outcome in answer.outcomes]
    assert outcomes.count(Outcome.OUTCOME_CHANGED) == 50
    assert outcomes.count(Outcome.OUTCOME_UNCHANGED) == 450


async def test_a_status_that_there_is_not_is_named(lasting: Order) -> None:
    async with lasting.client() as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.UpdateStatuses(changes([str(uuid4())], pb.ORDER_STATUS_UNSPECIFIED))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "changes[0].status: must be one of the statuses of an order"


async def test_tracking_tells_every_change_to_everybody_and_ends_with_the_last(lasting: Order) -> None:
    """SO-1."""
    async with lasting.client() as client:
        created = (await client.CreateOrder(request("123"))).order
        told: list[list[pb.OrderStatus.ValueType]] = [[], []]
        sent = (("x-request-id", uuid4().hex),)

        async def follow(into: list[pb.OrderStatus.ValueType]) -> None:
            async for change in client.TrackOrder(pb.TrackOrderRequest(id=created.id), metadata=sent):
                assert change.id == created.id
                assert change.changed_at.ToNanoseconds() >= created.created_at.ToNanoseconds()
                into.append(change.status)

        following = [asyncio.create_task(follow(each)) for each in told]
        expected: list[pb.OrderStatus.ValueType] = [pb.ORDER_STATUS_PENDING]
        for status in (pb.ORDER_STATUS_PAID, pb.ORDER_STATUS_IN_DELIVERY, pb.ORDER_STATUS_DELIVERED):
            await eventually(lambda: told == [expected] * 2, "a change is not told")
            await client.UpdateStatuses(changes([created.id], status))
            expected.append(status)
        async with asyncio.timeout(10):
            await asyncio.gather(*following)
    assert told == [expected] * 2
    await lasting.said("request", method="TrackOrder", code="OK", request_id=sent[0][1])


@pytest.mark.parametrize("unknown", [str(uuid4()), "no-uuid", ""])
async def test_an_unknown_order_is_not_tracked(lasting: Order, unknown: str) -> None:
    async with lasting.client() as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.TrackOrder(pb.TrackOrderRequest(id=unknown)).read()
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


async def test_tracking_does_not_hold_up_the_end(order: Order) -> None:
    """The stream ends without an error when the process is told to, and the client may call again elsewhere."""
    async with order.client() as client:
        created = (await client.CreateOrder(request("123"))).order
        stream = client.TrackOrder(pb.TrackOrderRequest(id=created.id))
        first = await stream.read()
        assert isinstance(first, pb.StatusChange)
        assert first.status == pb.ORDER_STATUS_PENDING
        order.terminate()
        assert await stream.read() is grpc.aio.EOF
    assert await order.ended() == 0


async def test_a_stream_ends_by_itself_before_its_connection_is_cut(database: str) -> None:
    """F9-9: the client calls again."""
    async with started(database, SHUTDOWN_DRAIN_SECONDS="6") as order, order.client() as client:
        created = (await client.CreateOrder(request("123"))).order
        for _ in range(3):
            told = [change.status async for change in client.TrackOrder(pb.TrackOrderRequest(id=created.id))]
            assert told == [pb.ORDER_STATUS_PENDING]


async def test_a_client_that_leaves_a_stream_leaves_nothing_behind(order: Order) -> None:
    async with order.client() as client:
        created = (await client.CreateOrder(request("123"))).order
        stream = client.TrackOrder(pb.TrackOrderRequest(id=created.id))
        await stream.read()
        stream.cancel()
        await order.said("request", method="TrackOrder", code="CANCELLED")
        await client.GetOrder(pb.GetOrderRequest(id=created.id))
    assert [line for line in order.lines if line.get("level") == "error"] == []


async def test_an_order_and_what_is_told_of_it_are_stored_together(order: Order, database: str) -> None:
    """SO-11, PG-5: one transaction."""
    async with order.client() as client:
        answers = await asyncio.gather(*(client.CreateOrder(request("123", key="k")) for _ in range(20)))
        await client.UpdateStatuses(changes([answers[0].order.id], pb.ORDER_STATUS_PAID))
    with psycopg.connect(database) as connection:
        told = connection.execute("SELECT order_id::text, event, user_id FROM outbox ORDER BY id").fetchall()
    assert told == [(answers[0].order.id, event, "123") for event in ("order_created", "order_paid")]


async def test_the_release_before_goes_on_working(database: str) -> None:
    """SO-11, PG-4, F12-6: what it writes knows nothing of the columns that are new."""
    with psycopg.connect(database, autocommit=True) as connection:
        columns = "INSERT INTO orders (id, user_id, status, created_at) VALUES (%s, 'u', 'pending', now())"
        assert connection.execute(columns, [uuid4()]).rowcount == 1

"""RabbitMQ: virtual hosts of a test's own, and persistent messages that survive a crash."""

from collections.abc import Callable, Iterator

import aio_pika
import pytest

from chassis_testing.rabbitmq import RabbitMQ


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[RabbitMQ]:
    with RabbitMQ.running() as server:
        yield server


async def test_virtual_hosts_are_apart(rabbitmq: RabbitMQ) -> None:
    async with await aio_pika.connect(rabbitmq.vhost()) as connection:
        await (await connection.channel()).declare_queue("orders")
    async with await aio_pika.connect(rabbitmq.vhost()) as connection:
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
            await (await connection.channel()).declare_queue("orders", passive=True)


async def test_a_durable_queue_survives_a_crash(rabbitmq: RabbitMQ) -> None:
    url = rabbitmq.vhost()
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        await channel.declare_queue("orders", durable=True)
        message = aio_pika.Message(b"order 7", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, "orders")
        with rabbitmq.outage(), pytest.raises(aio_pika.exceptions.AMQPConnectionError):
            await aio_pika.connect(url)
    async with await aio_pika.connect(url) as connection:
        queue = await (await connection.channel()).get_queue("orders")
        received = await queue.get()
        assert received.body == b"order 7"
        await received.ack()


def test_the_management_api_says_why_it_refuses(rabbitmq: RabbitMQ) -> None:
    with pytest.raises(ConnectionError, match="GET /queues/none/orders: 404"):
        rabbitmq.api("GET", "/queues/none/orders")


def test_is_a_node_with_a_name_server_of_its_own(rabbitmq: RabbitMQ) -> None:
    (node,) = rabbitmq.api("GET", "/nodes")
    assert node["name"] == "tests@localhost"
    assert rabbitmq.environment()["ERL_EPMD_PORT"] != "4369"


def test_listens_on_the_loopback_address_only(rabbitmq: RabbitMQ, listens_on: Callable[[RabbitMQ], set[str]]) -> None:
    assert listens_on(rabbitmq) == {"127.0.0.1"}

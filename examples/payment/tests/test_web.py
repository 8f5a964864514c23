"""What the platform and clients see of a running `payment web`: health, metrics, the API's description, its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import psycopg
import pytest
from openapi_spec_validator import validate
from processes import TLS, Client, Payment, Surroundings, started

from chassis_testing.balancer import Balancer
from chassis_testing.program import eventually
from payment_service.web import within


async def test_the_api_is_described(payment: Payment) -> None:
    """SP-8, X-12."""
    async with payment.client() as client:
        described = (await client.http.get("/openapi.json")).json()
        page = await client.http.get("/docs")
    validate(described)
    assert "swagger" in page.text
    assert set(described["paths"]) == {
        "/v1/payments",
        "/v1/payments/{payment_id}",
        "/v1/payments/{payment_id}/refunds",
        "/v1/webhooks/stripe",
    }
    pay = described["paths"]["/v1/payments"]["post"]
    assert set(pay["responses"]) == {"201", "202", "4XX", "5XX"}
    (key,) = pay["parameters"]
    assert (key["name"], key["in"], key["required"]) == ("Idempotency-Key", "header", True)


@pytest.mark.parametrize("limit", [0.1, 0.5, 1, 4, 10])
def test_a_caller_waits_for_something_and_less_than_its_request_may_take(limit: float) -> None:
    """Also with a drain of a second: a claim of no time would be anybody's at once."""
    assert 0 < within(limit) < limit


async def test_it_is_counted_and_asked_by_probes(payment: Payment, surroundings: Surroundings) -> None:
    """SP-7, F7-2, OB-1."""
    async with payment.client() as client:
        made = (await client.pay(surroundings.orders.add())).json()
        await client.get(made["id"])
        probes = [await client.http.get(path) for path in ("/healthz", "/readyz")]
        probes += [await client.http.get(payment.operations_url + path) for path in ("/healthz", "/readyz")]
        metrics = (await client.http.get(payment.metrics_url)).text
    assert [(probe.status_code, probe.text) for probe in probes] == [(200, "OK")] * 4
    labels = 'method="GET",path="/v1/payments/{payment_id}",service="payment_service"'
    assert f'http_requests_total{{code="200",{labels}}} ' in metrics
    assert f"http_request_duration_seconds_count{{{labels}}} " in metrics
    assert 'payments_total{status="succeeded"} ' in metrics
    assert made["id"] not in metrics


async def test_readiness_follows_the_database_and_liveness_does_not(
    payment: Payment, worker: Payment, surroundings: Surroundings
) -> None:
    name = surroundings.database.rpartition("/")[2]

    def allow(connections: bool) -> None:
        admin = surroundings.database.replace(name, "postgres")
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {connections}".encode())
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    async with payment.client() as client:

        async def both_say(status: int) -> bool:
            asked = [await client.http.get(f"{each.operations_url}/readyz") for each in (payment, worker)]
            return [answer.status_code for answer in asked] == [status] * 2

        order_id = surroundings.orders.add()
        allow(connections=False)
        await eventually(lambda: both_say(503), "stays ready without a database")
        assert [(await client.http.get(path)).status_code for path in ("/healthz", "/readyz")] == [200, 503]
        refused = await client.pay(order_id)
        assert (refused.status_code, refused.json()["detail"]) == (503, "storage is unavailable, try again")
        allow(connections=True)
        await eventually(lambda: both_say(200), "does not come back")
        assert (await client.pay(order_id)).status_code == 201


async def test_nothing_secret_is_in_the_log(payment: Payment, worker: Payment, surroundings: Surroundings) -> None:
    """F3-15, W-1; whatever the tests before have done."""
    said = f"{payment.lines}{worker.lines}"
    for secret in (surroundings.account.key, surroundings.account.webhook_secret, surroundings.database):
        assert secret not in said


async def test_sigterm_finishes_the_payment_in_progress(surroundings: Surroundings) -> None:
    """F9-3, W-7."""
    order_id = surroundings.orders.add()
    async with started(surroundings, STRIPE_TIMEOUT_SECONDS="2", SHUTDOWN_DRAIN_SECONDS="15") as web:
        async with web.client() as client, httpx.AsyncClient(base_url=web.url, verify=TLS) as probing:
            surroundings.account.fail("create", "hang", "after")
            request = asyncio.create_task(client.pay(order_id))
            await eventually(lambda: surroundings.money(order_id).get("authorised"), "nothing is authorised")
            web.terminate()
            await web.said("draining")
            probes = [await probing.get(path) for path in ("/healthz", "/readyz")]
            assert [probe.status_code for probe in probes] == [200, 503]
            late = await Client(probing).pay(surroundings.orders.add())
            answer = await request
        assert [(each.status_code, each.headers["connection"]) for each in (answer, late)] == [(201, "close")] * 2
        assert await web.ended() == 0
        await web.said("stopped")
    assert surroundings.statuses(order_id) == ["succeeded"]


class Load:
    """Reads and pays from clients with kept connections; anything but the expected answer is an error."""

    def __init__(self, address: str, surroundings: Surroundings, payment_id: str) -> None:
        self.done = 0
        self.paid: list[str] = []
        self.errors: list[str] = []
        self._url = f"http://{address}"
        self._surroundings = surroundings
        self._payment_id = payment_id

    @asynccontextmanager
    async def running(self, clients: int) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ask(stop, paying=True))
            for _ in range(clients):
                group.create_task(self._ask(stop, paying=False))
            yield
            stop.set()

    async def more(self, requests: int) -> None:
        enough = self.done + requests
        await eventually(lambda: self.done >= enough, "no requests get through")

    async def _ask(self, stop: asyncio.Event, *, paying: bool) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=20, verify=TLS) as http:
            while not stop.is_set():
                await self._once(Client(http), paying=paying)
                await asyncio.sleep(0.3 if paying else 0.02)

    async def _once(self, client: Client, *, paying: bool) -> None:
        try:
            if paying:
                self.paid.append(self._surroundings.orders.add())
                answer = await client.pay(self.paid[-1])
            else:
                answer = await client.get(self._payment_id)
            if not answer.is_success:
                self.errors.append(answer.text)
        except httpx.HTTPError as error:
            self.errors.append(repr(error))
        self.done += 1


async def test_clients_under_load_see_no_error_while_servers_are_replaced(
    payment: Payment, surroundings: Surroundings
) -> None:
    """Of two replicas one is replaced: a new server more, then an old server less."""
    async with payment.client() as client:
        payment_id = (await client.pay(surroundings.orders.add())).json()["id"]
    balancer = Balancer()
    async with AsyncExitStack() as servers, balancer.listening() as address:
        one, two = (servers.enter_async_context(started(surroundings)) for _ in range(2))
        old, new = await asyncio.gather(one, two)
        balancer.endpoints = [payment.address, old.address]
        load = Load(address, surroundings, payment_id)
        async with load.running(clients=8):
            await load.more(100)
            balancer.endpoints = [payment.address, new.address]
            old.terminate()
            assert await old.ended() == 0
            await load.more(100)
        assert load.errors == []
        await new.said("request", status=200)
    assert len(load.paid) > 2
    assert all(surroundings.money(order_id) == {"authorised": 1, "captured": 1} for order_id in load.paid)

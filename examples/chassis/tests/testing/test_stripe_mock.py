"""stripe-mock: answers as Stripe's schema says."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from chassis_testing.stripe_mock import StripeMock

KEY = {"Authorization": "Bearer sk_test_123"}


@pytest.fixture(scope="module")
def stripe_mock() -> Iterator[StripeMock]:
    with StripeMock.running() as server:
        yield server


def test_creates_a_payment_intent(stripe_mock: StripeMock) -> None:
    intent = httpx.post(
        f"{stripe_mock.url}/v1/payment_intents", data={"amount": 500, "currency": "eur"}, headers=KEY
    ).json()
    assert (intent["object"], intent["amount"], intent["currency"]) == ("payment_intent", 500, "eur")


def test_refuses_what_the_schema_does_not_know(stripe_mock: StripeMock) -> None:
    refused = httpx.post(f"{stripe_mock.url}/v1/payment_intents", data={"amount": "much"}, headers=KEY)
    assert refused.status_code == 400


def test_is_back_after_a_crash(stripe_mock: StripeMock) -> None:
    with stripe_mock.outage(), pytest.raises(httpx.ConnectError):
        httpx.get(stripe_mock.url)
    assert httpx.get(f"{stripe_mock.url}/v1/charges", headers=KEY).status_code == 200


def test_listens_on_the_loopback_address_only(
    stripe_mock: StripeMock, listens_on: Callable[[StripeMock], set[str]]
) -> None:
    assert listens_on(stripe_mock) == {"127.0.0.1"}

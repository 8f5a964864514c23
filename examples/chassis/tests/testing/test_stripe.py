"""The stand-in for Stripe: it remembers, it checks by Stripe's schema, and goes wrong when it is told to."""

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from chassis_testing.stripe import Account, Stripe
from chassis_testing.waiting import wait_until

AUTHORISE = {
    "amount": "500",
    "currency": "eur",
    "confirm": "true",
    "capture_method": "manual",
    "payment_method": "pm_card_visa",
    "metadata[order]": "123",
}


@pytest.fixture(scope="module")
def stripe() -> Iterator[Stripe]:
    with Stripe.running() as server:
        yield server


@pytest.fixture
def account(stripe: Stripe) -> Account:
    return stripe.account()


def post(account: Account, path: str, idempotency_key: str | None = None, **form: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {account.key}"}
    if idempotency_key:
        headers["Idempotency-Key"] = idempotency_key
    return httpx.post(f"{account.url}/v1/{path}", data=form, headers=headers, timeout=5)


def authorise(account: Account, idempotency_key: str | None = None, **more: str) -> dict[str, Any]:
    answer = post(account, "payment_intents", idempotency_key, **{**AUTHORISE, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def error(answer: httpx.Response) -> tuple[int, Any, Any]:
    said = answer.json()["error"]
    return answer.status_code, said["type"], said.get("code")


def test_an_intent_is_authorised_captured_and_refunded(account: Account) -> None:
    intent = authorise(account)
    assert (intent["status"], intent["amount_capturable"], intent["metadata"]) == (
        "requires_capture",
        500,
        {"order": "123"},
    )
    captured = post(account, f"payment_intents/{intent['id']}/capture").json()
    assert (captured["status"], captured["amount_received"]) == ("succeeded", 500)
    refund = post(account, "refunds", payment_intent=intent["id"]).json()
    assert (refund["object"], refund["amount"], refund["status"]) == ("refund", 500, "succeeded")
    assert account.counts() == {"created": 1, "authorised": 1, "captured": 1, "refunded": 1}
    for operation in ("capture", "cancel"):
        refused = post(account, f"payment_intents/{intent['id']}/{operation}")
        assert error(refused) == (400, "invalid_request_error", "payment_intent_unexpected_state")
    assert error(post(account, "refunds", payment_intent=intent["id"])) == (
        400,
        "invalid_request_error",
        "charge_already_refunded",
    )


def test_a_cancelled_intent_cannot_be_captured(account: Account) -> None:
    intent = authorise(account)
    assert post(account, f"payment_intents/{intent['id']}/cancel").json()["status"] == "canceled"
    assert error(post(account, f"payment_intents/{intent['id']}/capture"))[2] == "payment_intent_unexpected_state"
    assert account.counts() == {"created": 1, "authorised": 1, "cancelled": 1}
    headers = {"Authorization": f"Bearer {account.key}"}
    found = httpx.get(f"{account.url}/v1/payment_intents/{intent['id']}", headers=headers).json()
    assert found == account.intents()[0]


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("pm_card_chargeDeclined", (402, "card_error", "card_declined")),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", (402, "card_error", "card_declined")),
        ("pm_nobodys", (400, "invalid_request_error", "resource_missing")),
    ],
)
def test_cards_are_declined_as_stripes_test_cards_are(
    account: Account, card: str, expected: tuple[int, str, str]
) -> None:
    assert error(post(account, "payment_intents", **{**AUTHORISE, "payment_method": card})) == expected
    assert "authorised" not in account.counts()


def test_a_card_may_ask_for_more(account: Account) -> None:
    assert authorise(account, payment_method="pm_card_threeDSecure2Required")["status"] == "requires_action"


def test_stripes_schema_is_asked_first_and_other_things_are_its_fixtures(account: Account) -> None:
    form = {"amount": "500", "currency": "eur", "captured": "true"}
    assert post(account, "payment_intents", **form).status_code == 400
    assert account.intents() == []
    assert post(account, "customers", name="Ada").json()["object"] == "customer"


def test_an_api_key_is_needed(stripe: Stripe) -> None:
    assert httpx.post(f"{stripe.url}/v1/payment_intents", data=AUTHORISE).status_code == 401


def test_a_repeated_request_has_the_same_answer(account: Account) -> None:
    first = authorise(account, "k")
    again = post(account, "payment_intents", "k", **AUTHORISE)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first, "true")
    other = post(account, "payment_intents", "k", **{**AUTHORISE, "amount": "501"})
    assert error(other)[:2] == (400, "idempotency_error")
    declined = {**AUTHORISE, "payment_method": "pm_card_chargeDeclined"}
    assert [post(account, "payment_intents", "d", **declined).status_code for _ in range(2)] == [402, 402]
    assert account.counts() == {"created": 2, "authorised": 1}


def test_of_the_same_request_twice_at_once_one_is_worked_on(account: Account) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(account, "payment_intents", "k", **AUTHORISE), range(8)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert account.counts()["authorised"] == 1


@pytest.mark.parametrize(("effect", "done"), [("before", 0), ("after", 1)])
def test_it_fails_before_or_after_the_effect(account: Account, effect: str, done: int) -> None:
    account.fail("create", "error", effect)
    account.fail("create", "hang", effect)
    assert post(account, "payment_intents", "k", **AUTHORISE).status_code == 500
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{account.url}/v1/payment_intents",
            data=AUTHORISE,
            headers={"Authorization": f"Bearer {account.key}", "Idempotency-Key": "k"},
            timeout=0.3,
        )
    assert account.counts().get("authorised", 0) == done
    assert authorise(account, "k")["status"] == "requires_capture"
    assert account.counts()["authorised"] == 1


class Listener(HTTPServer):
    """Keeps what is posted to it; the first answer is 500."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posted: list[tuple[str, bytes]] = []


class Handler(BaseHTTPRequestHandler):
    """Answers."""

    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.headers["Stripe-Signature"], body))
        self.send_response(500 if len(self.server.posted) == 1 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_events_are_signed_and_sent_until_they_are_taken(account: Account, listener: Listener) -> None:
    url = f"http://127.0.0.1:{listener.server_port}/webhooks"
    account.send_events_to(url)
    intent = authorise(account)
    assert wait_until(lambda: len(listener.posted) == 2, 10)
    (_, first), (signature, second) = listener.posted
    event = json.loads(second)
    assert (event["type"], event["data"]["object"]["id"]) == ("payment_intent.amount_capturable_updated", intent["id"])
    assert first == second
    moment, digest = (part.partition("=")[2] for part in signature.split(","))
    expected = hmac.new(account.webhook_secret.encode(), f"{moment}.".encode() + second, hashlib.sha256).hexdigest()
    assert digest == expected
    (known,) = account.events("payment_intent.amount_capturable_updated")
    assert account.deliver(known, url) == 200
    assert len(listener.posted) == 3


def test_of_many_requests_at_once_each_event_is_sent_once(account: Account, listener: Listener) -> None:
    account.send_events_to(f"http://127.0.0.1:{listener.server_port}/webhooks")
    with ThreadPoolExecutor(8) as pool:
        intents = list(pool.map(lambda _: authorise(account), range(16)))
    last = authorise(account)["id"]

    def told() -> list[str]:
        return [json.loads(body)["data"]["object"]["id"] for _, body in listener.posted[1:]]

    assert wait_until(lambda: last in told() and len(told()) >= 17, 10)
    assert sorted(told()) == sorted([*(intent["id"] for intent in intents), last])


def test_who_takes_no_events_keeps_nobody_from_paying(account: Account) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it is connected to, and says nothing
        account.send_events_to(f"http://127.0.0.1:{silent.getsockname()[1]}/webhooks")
        with ThreadPoolExecutor(8) as pool:
            intents = list(pool.map(lambda _: authorise(account), range(120)))
    assert len({intent["id"] for intent in intents}) == 120


def test_accounts_know_nothing_of_one_another(stripe: Stripe) -> None:
    one, other = stripe.account(), stripe.account()
    one.fail("create")
    intent = authorise(other)
    assert one.intents() == []
    assert post(one, f"payment_intents/{intent['id']}/capture").status_code == 404

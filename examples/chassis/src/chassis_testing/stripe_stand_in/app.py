"""The server: Stripe's API in front, stripe-mock behind, and the control of it beside."""

import asyncio
import base64
import copy
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis_testing.stripe_stand_in import webhooks
from chassis_testing.stripe_stand_in.account import Account, Failure, Object
from chassis_testing.stripe_stand_in.cards import StripeError

_PASSED_ON = ("authorization", "content-type", "stripe-version")


@dataclass(frozen=True)
class Webhook:
    """Where events go, and what signs them."""

    url: str
    secret: str


class StandIn:
    """All accounts, by API key."""

    def __init__(self, mock_url: str | None, webhook: Webhook | None) -> None:
        self._mock_url = mock_url
        self._accounts: defaultdict[str, Account] = defaultdict(Account)
        self._webhooks: defaultdict[str, Webhook | None] = defaultdict(lambda: webhook)
        self._deliveries: set[asyncio.Task[None]] = set()
        self._mock: httpx.AsyncClient
        self._sender: webhooks.Sender

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            lifespan=self._running,
            routes=[
                Route("/v1/payment_intents", self._operation("create"), methods=["POST"]),
                Route("/v1/payment_intents/{id}", self._operation("retrieve"), methods=["GET"]),
                Route("/v1/payment_intents/{id}/capture", self._operation("capture"), methods=["POST"]),
                Route("/v1/payment_intents/{id}/cancel", self._operation("cancel"), methods=["POST"]),
                Route("/v1/refunds", self._operation("refund"), methods=["POST"]),
                Route("/_stand_in/account", self._account),
                Route("/_stand_in/failures", self._fail, methods=["POST"]),
                Route("/_stand_in/webhook", self._webhook, methods=["POST"]),
                Route("/_stand_in/events/{id}", self._deliver, methods=["POST"]),
                Route("/healthz", lambda _: Response("OK")),
                Route("/{path:path}", self._anything_else, methods=["GET", "POST", "DELETE"]),
            ],
        )

    @asynccontextmanager
    async def _running(self, _: Starlette) -> AsyncIterator[None]:
        async with (
            httpx.AsyncClient(base_url=self._mock_url or "", trust_env=False) as self._mock,
            httpx.AsyncClient(trust_env=False, timeout=webhooks.TIMEOUT) as client,
        ):
            self._sender = webhooks.Sender(client)
            yield
            for each in self._deliveries:
                each.cancel()

    # Stripe's API

    def _operation(self, name: str) -> Any:
        async def answer(request: Request) -> Response:
            key = _api_key(request)
            if key is None:
                error = StripeError(401, "invalid_request_error", "You did not provide an API key.")
                return JSONResponse(error.body, error.status)
            account = self._accounts[key]
            if (how := account.failure(name, "before")) is not None:
                return await _go_wrong(request, how)
            response = await self._once(request, name, account)
            self._tell(key, account.take_untold())
            if (how := account.failure(name, "after")) is not None:
                return await _go_wrong(request, how)
            return response

        return answer

    async def _once(self, request: Request, name: str, account: Account) -> Response:
        """Do it, or repeat the answer that the same idempotency key had."""
        key, body = request.headers.get("idempotency-key"), await request.body()
        if key is None or request.method == "GET":
            status, content = await self._do(request, name, account)
            return JSONResponse(content, status)
        asked = hashlib.sha256(request.url.path.encode() + b"\0" + body).hexdigest()
        if key in account.working:
            message = "There is currently another in-progress request using this Idempotency-Key."
            return JSONResponse(StripeError(409, "idempotency_error", message, "idempotency_key_in_use").body, 409)
        if key in account.answers:
            before, status, content = account.answers[key]
            if before != asked:
                message = "Keys for idempotent requests can only be used with the same parameters."
                return JSONResponse(StripeError(400, "idempotency_error", message).body, 400)
            return JSONResponse(content, status, {"Idempotent-Replayed": "true"})
        account.working.add(key)
        try:
            status, content = await self._do(request, name, account)
        finally:
            account.working.discard(key)
        if status != httpx.codes.BAD_GATEWAY:
            account.answers[key] = (asked, status, copy.deepcopy(content))
        return JSONResponse(content, status)

    async def _do(self, request: Request, name: str, account: Account) -> tuple[int, Object]:
        intent_id, given = str(request.path_params.get("id", "")), _form(await request.body())
        try:
            shape = await self._checked(request)
            operations: dict[str, Callable[[], Object]] = {
                "create": lambda: account.create(given, shape),
                "retrieve": lambda: account.retrieve(intent_id),
                "capture": lambda: account.capture(intent_id, given),
                "cancel": lambda: account.cancel(intent_id, given),
                "refund": lambda: account.refund(given, shape),
            }
            return 200, operations[name]()
        except StripeError as error:
            return error.status, error.body
        except _Refused as refused:
            return refused.status, refused.body

    async def _checked(self, request: Request) -> Object:
        """Let stripe-mock look at the request; gives what it answers, for the fields that nobody sets here."""
        if self._mock_url is None:
            return {}
        answer = await self._forward(request)
        if answer.is_error:
            raise _Refused(answer.status_code, answer.json())
        return dict(answer.json())

    async def _forward(self, request: Request) -> httpx.Response:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        if request.method == "POST":  # Stripe takes a POST without a body and its type; stripe-mock does not
            headers.setdefault("content-type", "application/x-www-form-urlencoded")
        url = httpx.URL(path=request.url.path, query=request.url.query.encode())
        try:
            return await self._mock.request(request.method, url, content=await request.body(), headers=headers)
        except httpx.HTTPError as error:
            body = {"error": {"type": "api_error", "message": f"stripe-mock does not answer: {type(error).__name__}"}}
            return httpx.Response(httpx.codes.BAD_GATEWAY, json=body)

    async def _anything_else(self, request: Request) -> Response:
        if self._mock_url is None:
            error = StripeError(404, "invalid_request_error", "Unrecognized request URL")
            return JSONResponse(error.body, error.status)
        answer = await self._forward(request)
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

    # Events

    def _tell(self, key: str, events: list[Object]) -> None:
        webhook = self._webhooks[key]
        if webhook is None:
            return
        for event in events:
            task = asyncio.create_task(self._sender.deliver_patiently(event, webhook.url, webhook.secret))
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)

    # The control

    async def _account(self, request: Request) -> Response:
        account = self._accounts[_api_key(request) or ""]
        lists = {name: list(getattr(account, name).values()) for name in ("intents", "refunds", "events")}
        return JSONResponse({**lists, "counts": account.counts})

    async def _fail(self, request: Request) -> Response:
        self._accounts[_api_key(request) or ""].failures.append(Failure(**await request.json()))
        return Response(status_code=204)

    async def _webhook(self, request: Request) -> Response:
        self._webhooks[_api_key(request) or ""] = Webhook(**await request.json())
        return Response(status_code=204)

    async def _deliver(self, request: Request) -> Response:
        event = self._accounts[_api_key(request) or ""].events[request.path_params["id"]]
        webhook = Webhook(**await request.json())
        return JSONResponse({"status": await self._sender.deliver(event, webhook.url, webhook.secret)})


class _Refused(Exception):  # noqa: N818 - what stripe-mock says
    def __init__(self, status: int, body: Object) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def _api_key(request: Request) -> str | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind == "Basic":
        value = base64.b64decode(value).decode().partition(":")[0]
    return value if value.startswith("sk_test_") else None


def _form(body: bytes) -> Mapping[str, str]:
    return dict(parse_qsl(body.decode()))


async def _go_wrong(request: Request, how: str) -> Response:
    if how == "hang":
        await request.body()
        while (await request.receive())["type"] != "http.disconnect":
            pass
    return JSONResponse(StripeError(500, "api_error", "An unknown error occurred").body, 500)

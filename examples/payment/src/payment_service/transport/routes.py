"""The REST API: requests in, the business layer's calls, answers out. Errors become problems in the chassis."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from chassis.errors import RequestError
from chassis.http import problems
from chassis.sql.idempotency import Answer, IdempotencyKeys, fingerprint
from payment_service.domain import Payment
from payment_service.errors import DeclinedError, OrderNotPayableError, SignatureError
from payment_service.service import Payments
from payment_service.transport.schemas import NewPayment, PaymentView, Received, RefundView
from payment_service.transport.signature import read_event
from payment_service.webhooks import Webhooks

STATUSES: dict[type[RequestError], int] = {
    DeclinedError: HTTPStatus.PAYMENT_REQUIRED,
    SignatureError: HTTPStatus.BAD_REQUEST,
}

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same request has the same answer; kept for 24 hours",
    ),
]
_PROCESSING: dict[int | str, dict[str, Any]] = {
    202: {"model": PaymentView, "description": "Begun; ask again at Location"}
}


def payments_router(payments: Payments, pay_keys: IdempotencyKeys, refund_keys: IdempotencyKeys) -> APIRouter:
    """Routes to make, read and refund payments."""
    router = APIRouter(prefix="/v1/payments", tags=["payments"])

    @router.post("", status_code=201, responses=_PROCESSING, response_model=PaymentView)
    async def pay(new: NewPayment, key: Key) -> Response:
        """Pay an order."""

        async def work() -> Answer:
            try:
                payment = await payments.pay(new.order_id, new.payment_method, key)
            except DeclinedError as error:
                return _refusal(error, HTTPStatus.PAYMENT_REQUIRED)
            except OrderNotPayableError as error:
                return _refusal(error, HTTPStatus.CONFLICT)
            where = {"Location": f"/v1/payments/{payment.id}"}
            status = HTTPStatus.CREATED if payment.at_rest else HTTPStatus.ACCEPTED
            return Answer(status, PaymentView.of(payment).model_dump(mode="json"), where, final=payment.at_rest)

        return _response(await pay_keys.once(key, fingerprint(new.order_id, new.payment_method), work))

    @router.get("/{payment_id}", response_model=PaymentView, responses={304: {"description": "Not changed since"}})
    async def get(
        payment_id: str, if_none_match: Annotated[str | None, Header(description="An ETag that was answered")] = None
    ) -> Response:
        """Return a payment."""
        payment = await payments.get(payment_id)
        headers = {"ETag": _version(payment), "Cache-Control": "private, no-cache"}
        if if_none_match == headers["ETag"]:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return JSONResponse(PaymentView.of(payment).model_dump(mode="json"), headers=headers)

    @router.post(
        "/{payment_id}/refunds",
        status_code=201,
        responses={202: {"model": RefundView, "description": "Begun"}},
        response_model=RefundView,
    )
    async def refund(payment_id: str, key: Key) -> Response:
        """Cancel the order and give all of it back."""

        async def work() -> Answer:
            payment = await payments.refund(payment_id)
            status = HTTPStatus.CREATED if payment.at_rest else HTTPStatus.ACCEPTED
            return Answer(status, RefundView.of(payment).model_dump(mode="json"), final=payment.at_rest)

        return _response(await refund_keys.once(key, fingerprint(payment_id), work))

    return router


def webhooks_router(webhooks: Webhooks, secret: str) -> APIRouter:
    """The route that Stripe calls."""
    router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

    @router.post("/stripe")
    async def take(
        request: Request, stripe_signature: Annotated[str, Header(description="Stripe's, of the body")] = ""
    ) -> Received:
        """Take an event of Stripe."""
        event = read_event(await request.body(), stripe_signature, secret)
        if event is not None:
            await webhooks.take(event)
        return Received()

    return router


def _refusal(error: RequestError, status: HTTPStatus) -> Answer:
    return Answer(status, problems.document(status, str(error)))


def _response(answer: Answer) -> Response:
    media_type = problems.MEDIA_TYPE if answer.status >= HTTPStatus.BAD_REQUEST else "application/json"
    return JSONResponse(answer.body, answer.status, answer.headers, media_type)


def _version(payment: Payment) -> str:
    return f'"{payment.status}-{payment.changed_at.timestamp():.6f}"'

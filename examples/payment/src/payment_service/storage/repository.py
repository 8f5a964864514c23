"""Payments in PostgreSQL.

A payment that is not at rest has a time from which on any process may claim it. Who claims it moves that time ahead, so
a process that dies loses its claim by itself. What comes of a step is written only by the claim that is the last one,
and only over the status that the step began with.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.sql.database import single
from payment_service.domain import AT_REST, Failure, Money, Payment, PaymentStatus, Step
from payment_service.errors import ClaimLostError

# By name: a column that the next release's migration adds would change what a prepared statement gives.
_COLUMNS = """id, order_id, user_id, currency, amount, payment_method, request_key, status, created_at, changed_at,
    attempts, claim, headers, intent_id, failure_code, failure_message"""
_RESTING = ", ".join(f"'{status}'" for status in sorted(AT_REST))

_ADD = text(
    """
    INSERT INTO payments (id, order_id, user_id, currency, amount, payment_method, request_key, status,
        created_at, changed_at, attempts, claim, due_at, headers)
    VALUES (:id, :order_id, :user_id, :currency, :amount, :payment_method, :request_key, :status,
        :created_at, :changed_at, 0, :claim, now() + :lease, CAST(:headers AS jsonb))
    ON CONFLICT DO NOTHING
    """
)
_IN_THE_WAY = text(
    f"""
    SELECT {_COLUMNS} FROM payments
    WHERE id = :id OR order_id = :order_id AND (request_key = :request_key OR status NOT IN ('declined', 'cancelled'))
    ORDER BY id = :id DESC, request_key = :request_key DESC LIMIT 1
    """  # noqa: S608 - words of the domain
)
_BY_ID = text(f"SELECT {_COLUMNS} FROM payments WHERE id = :id")  # noqa: S608 - words of the domain
_OF_REQUEST = text(
    f"SELECT {_COLUMNS} FROM payments WHERE order_id = :order_id AND request_key = :request_key"  # noqa: S608 - words of the domain
)
_CLAIM = text(
    f"""
    UPDATE payments SET claim = :claim, due_at = now() + :lease
    WHERE id = :id AND due_at IS NOT NULL AND (due_at <= now() OR claim = :claim) RETURNING {_COLUMNS}
    """  # noqa: S608 - words of the domain
)
_CLAIM_DUE = text(
    f"""
    UPDATE payments SET claim = :claim, due_at = now() + :lease
    WHERE id IN (SELECT id FROM payments WHERE due_at <= now() ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING {_COLUMNS}
    """  # noqa: S608 - words of the domain
)
_BEGIN_REFUND = text(
    f"""
    UPDATE payments SET status = 'refunding', claim = :claim, due_at = now() + :lease, attempts = 0, changed_at = now()
    WHERE id = :id AND (status = 'succeeded' OR status = 'refunding' AND claim = :claim) RETURNING {_COLUMNS}
    """  # noqa: S608 - words of the domain
)
_RELEASE = text(
    """
    UPDATE payments SET due_at = now() + :pause, attempts = attempts + 1
    WHERE id = :id AND claim = :claim AND due_at IS NOT NULL
    """
)
_ADVANCE = text(
    f"""
    UPDATE payments SET status = CAST(:after AS text), attempts = 0, changed_at = now(),
        intent_id = coalesce(:intent_id, intent_id),
        failure_code = coalesce(:failure_code, failure_code),
        failure_message = coalesce(:failure_message, failure_message),
        due_at = CASE WHEN CAST(:after AS text) IN ({_RESTING}) THEN NULL ELSE due_at END
    WHERE id = :id AND status = :before AND claim = :claim RETURNING {_COLUMNS}
    """  # noqa: S608 - words of the domain
)
_UNFINISHED = text(
    "SELECT count(*), coalesce(extract(epoch FROM now() - min(changed_at)), 0) FROM payments WHERE due_at IS NOT NULL"
)


class PostgresPaymentRepository:
    """Implements `payment_service.service.PaymentRepository` and `payment_service.saga.Progress`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, payment: Payment, claim: UUID, lease_seconds: float) -> Payment:
        """Store a new payment, claimed; gives the one that is in its way instead, if there is one.

        Safe to repeat: the id is made before the first attempt, so a commit whose answer was lost is found again.
        """
        values = {
            "id": payment.id,
            "order_id": payment.order_id,
            "user_id": payment.user_id,
            "currency": payment.total.currency,
            "amount": payment.total.amount,
            "payment_method": payment.payment_method,
            "request_key": payment.request_key,
            "status": payment.status.value,
            "created_at": payment.created_at,
            "changed_at": payment.changed_at,
            "claim": claim,
            "lease": timedelta(seconds=lease_seconds),
            "headers": json.dumps(dict(payment.headers or {})),
        }

        async def work(connection: AsyncConnection) -> Payment:
            while True:
                await connection.execute(_ADD, values)
                found = await connection.execute(
                    _IN_THE_WAY, {key: values[key] for key in ("id", "order_id", "request_key")}
                )
                if row := found.one_or_none():
                    return _payment(row)
                # What was in the way has been declined since: there is room now.

        return await single(self._engine, work)

    async def find(self, payment_id: UUID) -> Payment | None:
        """Return the payment with this id."""
        return await self._one(_BY_ID, id=payment_id)

    async def of_request(self, order_id: str, request_key: str) -> Payment | None:
        """Return the payment that a request has made."""
        return await self._one(_OF_REQUEST, order_id=order_id, request_key=request_key)

    async def claim(self, payment_id: UUID, claim: UUID, lease_seconds: float) -> Payment | None:
        """Claim a payment that is not at rest and that nobody goes on with; None if there is none such."""
        return await self._one(_CLAIM, id=payment_id, claim=claim, lease=timedelta(seconds=lease_seconds))

    async def claim_due(self, claim: UUID, most: int, lease_seconds: float) -> Sequence[Payment]:
        """Claim payments that nobody goes on with, those that wait longest first."""
        values = {"claim": claim, "most": most, "lease": timedelta(seconds=lease_seconds)}
        return await self._all(_CLAIM_DUE, values)

    async def begin_refund(self, payment_id: UUID, claim: UUID, lease_seconds: float) -> Payment | None:
        """Claim a payment that has succeeded, to refund it; None if it is no such one."""
        return await self._one(_BEGIN_REFUND, id=payment_id, claim=claim, lease=timedelta(seconds=lease_seconds))

    async def release(self, payment_id: UUID, claim: UUID, pause_seconds: float) -> None:
        """Leave a payment to whoever claims it after a pause, if this claim still holds."""

        async def work(connection: AsyncConnection) -> None:
            values = {"id": payment_id, "claim": claim, "pause": timedelta(seconds=pause_seconds)}
            await connection.execute(_RELEASE, values)

        await single(self._engine, work)

    async def advance(self, payment: Payment, step: Step, claim: UUID) -> Payment:
        """Write down what came of a step; gives the payment as it is now.

        Somebody may have told of the same step before, such as Stripe itself; then that holds.

        Raises:
            ClaimLostError: another process goes on with it.
        """
        values = {
            "id": payment.id,
            "before": payment.status.value,
            "after": step.status.value,
            "claim": claim,
            "intent_id": step.intent_id,
            "failure_code": step.failure.code if step.failure else None,
            "failure_message": step.failure.message if step.failure else None,
        }

        async def work(connection: AsyncConnection) -> tuple[Payment, UUID]:
            row = (await connection.execute(_ADVANCE, values)).one_or_none()
            if row is None:
                row = (await connection.execute(_BY_ID, {"id": payment.id})).one()
            return _payment(row), row.claim

        now, holder = await single(self._engine, work)
        if holder != claim and not now.at_rest:
            raise ClaimLostError(payment.id)
        return now

    async def unfinished(self) -> tuple[int, float]:
        """How many payments are not at rest, and for how many seconds the oldest of them has not changed."""

        async def work(connection: AsyncConnection) -> tuple[int, float]:
            count, seconds = (await connection.execute(_UNFINISHED)).one()
            return int(count), float(seconds)

        return await single(self._engine, work)

    async def _one(self, statement: Any, **values: object) -> Payment | None:
        return next(iter(await self._all(statement, values)), None)

    async def _all(self, statement: Any, values: dict[str, Any]) -> Sequence[Payment]:
        async def work(connection: AsyncConnection) -> Sequence[Payment]:
            return [_payment(row) for row in await connection.execute(statement, values)]

        return await single(self._engine, work)


def _payment(row: Any) -> Payment:
    return Payment(
        id=row.id,
        order_id=row.order_id,
        user_id=row.user_id,
        total=Money(row.currency, row.amount),
        payment_method=row.payment_method,
        request_key=row.request_key,
        status=PaymentStatus(row.status),
        created_at=row.created_at,
        changed_at=row.changed_at,
        intent_id=row.intent_id,
        failure=Failure(row.failure_code, row.failure_message) if row.failure_code else None,
        attempts=row.attempts,
        headers=row.headers,
    )

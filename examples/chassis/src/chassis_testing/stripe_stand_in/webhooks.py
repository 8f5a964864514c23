"""Tells an address what has happened, signed as Stripe signs it, again until it is taken."""

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any

import httpx

TRIES = 12
FIRST_PAUSE = 0.2  # seconds; doubles with each try
LONGEST_PAUSE = 30.0
TIMEOUT = 10.0
AT_ONCE = 8


def sign(payload: bytes, secret: str, at: int | None = None) -> str:
    """The header `Stripe-Signature`: when, and an HMAC of that and of the payload."""
    moment = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


class Sender:
    """Sends events; not many at once, whoever does not take them: the answers to requests come before."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def deliver(self, event: dict[str, Any], url: str, secret: str) -> int:
        """Send an event once; gives the status of the answer, 0 if there is none."""
        payload = json.dumps(event).encode()
        headers = {"Content-Type": "application/json", "Stripe-Signature": sign(payload, secret)}
        try:
            answer = await self._client.post(url, content=payload, headers=headers)
        except httpx.HTTPError:
            return 0
        return answer.status_code

    async def deliver_patiently(self, event: dict[str, Any], url: str, secret: str) -> None:
        """Send an event until it is taken, or for some minutes."""
        pause = FIRST_PAUSE
        for _ in range(TRIES):
            async with self._turns:
                status = await self.deliver(event, url, secret)
            if httpx.codes.is_success(status):
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

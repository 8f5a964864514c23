"""The few requests this package itself sends to an API server: is it ready, is an object there."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from pathlib import Path
from typing import Any

OK = 200


class Api:
    """A client with the administrator's certificate; no proxies, no retries, nothing kept open."""

    def __init__(self, port: int, pki: Path) -> None:
        """The API server listens on this port of the loopback address."""
        self._port = port
        self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def get(self, path: str, timeout: float = 2.0) -> tuple[int, bytes]:
        """Status code and body of a GET.

        Raises:
            OSError, http.client.HTTPException: there is no answer.
        """
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=timeout, context=self._tls)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ok(self, path: str, timeout: float = 2.0) -> bool:
        """Whether a GET is answered with 200."""
        try:
            return self.get(path, timeout)[0] == OK
        except (OSError, http.client.HTTPException):
            return False

    def read(self, path: str) -> dict[str, Any] | None:
        """An object; None if it is not there or nobody answers."""
        try:
            status, body = self.get(path)
        except (OSError, http.client.HTTPException):
            return None
        answer: dict[str, Any] = json.loads(body) if status == OK else {}
        return answer or None

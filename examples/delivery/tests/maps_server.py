"""A maps service for tests: speaks as Google's Routes API does, and is slow, down or strange when it is told to."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "maps-s3cret-Pa55"
PATH = "/directions/v2:computeRoutes"


class MapsServer(ThreadingHTTPServer):
    """Answers each question with the same number of seconds.

    Attributes:
        asked: the questions so far.
        seconds: how long every way takes.
        status: what it answers with.
        body: instead of the answer.
        pause: how long it takes for an answer.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []
        self.traces: list[str] = []
        self.seconds = 421
        self.status = 200
        self.body: bytes | None = None
        self.pause = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["MapsServer"]:
        with cls() as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            yield server
            server.shutdown()


class Handler(BaseHTTPRequestHandler):
    """One question."""

    server: MapsServer

    def do_POST(self) -> None:
        server = self.server
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.asked.append(asked)
        server.traces.append(self.headers.get("traceparent", ""))
        time.sleep(server.pause)
        status = server.status
        if self.path != PATH or self.headers.get("X-Goog-FieldMask") != "routes.duration":
            status = 400
        if self.headers.get("X-Goog-Api-Key") != KEY:
            status = 403
        body = json.dumps({"routes": [{"duration": f"{server.seconds}s"}]}).encode()
        body = body if server.body is None else server.body
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # who asks may have given up
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass

"""An API server that only answers: objects and logs as a test puts them there, over real HTTP."""

import json
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from delivery_operator.cluster.resources import Resource

Object = dict[str, Any]


@dataclass
class Server:
    """What the server has.

    Attributes:
        objects: path to object.
        logs: name of a pod to its log.
        failures: path to the code and message of a Status it answers instead.
        queries: path to the queries it was asked with.
    """

    objects: dict[str, Object] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)
    queries: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    url: str = ""

    def put(self, resource: Resource, body: Object) -> None:
        metadata = body["metadata"]
        self.objects[resource.path(metadata.get("namespace"), metadata["name"])] = body

    def answer(self, path: str, query: Mapping[str, str]) -> tuple[int, bytes]:
        self.queries.setdefault(path, []).append(dict(query))
        if path in self.failures:
            code, message = self.failures[path]
            return code, json.dumps({"kind": "Status", "message": message, "code": code}).encode()
        if path.endswith("/log"):
            pod = path.split("/")[-2]
            return (200, self.logs[pod].encode()) if pod in self.logs else (400, b"container is waiting to start")
        if path in self.objects:
            return 200, json.dumps(self.objects[path]).encode()
        if "/namespaces/" in path and path.count("/") in {5, 6} and not self._is_object(path):
            found = [
                body for each, body in self.objects.items() if each.rpartition("/")[0] == path and _fits(body, query)
            ]
            return 200, json.dumps({"items": found, "metadata": {"resourceVersion": "1"}}).encode()
        return 404, json.dumps({"kind": "Status", "message": f"{path} not found", "code": 404}).encode()

    def _is_object(self, path: str) -> bool:
        parts = path.split("/")
        return len(parts) - parts.index("namespaces") > 3


def _fits(body: Object, query: Mapping[str, str]) -> bool:
    labels = body["metadata"].get("labels", {})
    wanted = [each.partition("=") for each in query.get("labelSelector", "").split(",") if each]
    return all(name in labels and (not equals or labels[name] == value) for name, equals, value in wanted)


@contextmanager
def serving() -> Any:
    """Serve until the context ends."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            code, content = state.answer(parts.path, query)
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            """Answer a review, say, whatever it asks."""
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

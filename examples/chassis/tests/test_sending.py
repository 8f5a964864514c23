"""OB-1, OB-3: spans and errors arrive where the environment says, and without secrets."""

import gzip
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
import pytest
import sentry_sdk
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.trace import SpanKind
from pydantic import SecretStr

from chassis import reports, tracing

SECRET = "s3cret-Pa55"  # noqa: S105


class Collector(HTTPServer):
    """Keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posted: list[tuple[str, bytes]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers 200."""

    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.usefixtures("own_provider")
def test_spans_arrive_with_their_parents(collector: Collector) -> None:
    tracing.configure("tests", "1.2.3", f"http://{collector.address}/")
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    carrier: dict[str, str] = {}
    with (
        tracing.handling("Call", {"traceparent": caller}),
        tracing.sending("topic publish", carrier, SpanKind.PRODUCER),
    ):
        pass
    tracing.flush()
    (path, body), *_ = collector.posted
    assert path == "/v1/traces"
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    spans = {span.name: span for scope in resource.scope_spans for span in scope.spans}
    call, publish = spans["Call"], spans["topic publish"]
    assert {each.trace_id.hex() for each in spans.values()} == {"0af7651916cd43dd8448eb211c80319c"}
    assert (call.parent_span_id.hex(), publish.parent_span_id) == ("b7ad6b7169203331", call.span_id)
    assert carrier["traceparent"].split("-")[2] == publish.span_id.hex()
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert (named["service.name"], named["service.version"]) == ("tests", "1.2.3")


class GrpcCollector(TraceServiceServicer):
    """Keeps what is exported to it."""

    def __init__(self) -> None:
        self.exported: list[ExportTraceServiceRequest] = []

    def Export(  # noqa: N802
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        del context
        self.exported.append(request)
        return ExportTraceServiceResponse()


@pytest.mark.usefixtures("own_provider")
def test_spans_arrive_by_grpc_where_the_platform_says_so() -> None:
    collector = GrpcCollector()
    server = grpc.server(ThreadPoolExecutor())
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]  # generated without types
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    tracing.configure("tests", "1", f"http://127.0.0.1:{port}", "grpc")
    with tracing.handling("Call", {}):
        pass
    tracing.flush()
    server.stop(None).wait()
    (request,) = collector.exported
    assert [s.name for r in request.resource_spans for scope in r.scope_spans for s in scope.spans] == ["Call"]


@pytest.mark.usefixtures("own_provider")
def test_without_a_place_to_send_to_nothing_is_recorded_and_ids_are_passed_on() -> None:
    tracing.configure("tests", "1", None)
    with tracing.handling("Call", {}) as span:
        assert not span.is_recording()
        trace_id = trace.format_trace_id(span.get_span_context().trace_id)
        assert tracing.outgoing()["traceparent"].split("-")[1] == trace_id


def test_an_error_is_reported_without_secrets(collector: Collector) -> None:
    """SO-13, OB-1."""
    dsn = SecretStr(f"http://key@{collector.address}/1")
    reports.configure(dsn, "tests", "1.2.3", (SECRET,))
    reports.report(LookupError(f"no access with {SECRET}"))
    reports.flush()
    reports.configure(None, "tests", "1.2.3", ())
    (_, body), *_ = collector.posted
    event = json.loads(body.splitlines()[2])
    assert (event["release"], event["exception"]["values"][0]["type"]) == ("tests@1.2.3", "LookupError")
    assert event["exception"]["values"][0]["value"] == "no access with ***"
    assert SECRET.encode() not in body


def test_without_a_place_nothing_is_reported(collector: Collector) -> None:
    reports.configure(SecretStr(f"http://key@{collector.address}/1"), "tests", "1", ())
    reports.configure(None, "tests", "1", ())
    reports.report(LookupError("x"))
    reports.flush()
    sentry_sdk.flush(timeout=2)  # what it was given all the same
    assert collector.posted == []

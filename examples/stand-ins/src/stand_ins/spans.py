"""A collector of spans (OTLP over gRPC): writes one line of JSON for each, for those who read logs."""

import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    DESCRIPTOR,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from chassis.grpc.server import Server
from chassis.running import running
from stand_ins.settings import Settings

_SERVICE: Final = DESCRIPTOR.services_by_name["TraceService"].full_name


class Collector(TraceServiceServicer):
    """Takes what comes."""

    async def Export(self, request: ExportTraceServiceRequest, _context: Any) -> ExportTraceServiceResponse:  # noqa: N802 - the contract's name
        """Write the spans."""
        sys.stdout.writelines(f"{json.dumps(each)}\n" for each in spans(request))
        sys.stdout.flush()
        return ExportTraceServiceResponse()


def spans(request: ExportTraceServiceRequest) -> Iterator[dict[str, Any]]:
    """Each span with what tells where it belongs; ids in hexadecimal, times in seconds."""
    for resource in request.resource_spans:
        of = {each.key: each.value.string_value for each in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {
                    "message": "span",
                    "trace_id": span.trace_id.hex(),
                    "span_id": span.span_id.hex(),
                    "parent_span_id": span.parent_span_id.hex(),
                    "service": of.get("service.name", ""),
                    "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                    "name": span.name,
                    "seconds": round((span.end_time_unix_nano - span.start_time_unix_nano) / 1e9, 6),
                }


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CommandError: a port is taken.
    """
    async with running(settings, "spans", {}) as process:
        server = Server(settings, "spans", _SERVICE, process.readiness)
        server.add(partial(add_TraceServiceServicer_to_server, Collector()))
        await server.serve(settings.port, process.shutdown, metrics_port=process.metrics_port)

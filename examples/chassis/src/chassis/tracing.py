"""Traces: one id per request, through every service that it passes (LG-4, OB-3).

Without a place to send spans to, none are recorded; the ids are made and passed on all the same, for the logs.
"""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Literal

import structlog
from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind

Protocol = Literal["grpc", "http/protobuf"]

REQUEST_ID = "x-request-id"
_FORM = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
_FLUSH_MILLISECONDS = 2000

_tracer = trace.get_tracer("chassis")
_ids = RandomIdGenerator()
_recorded = False


def configure(service: str, version: str, endpoint: str | None, protocol: Protocol = "http/protobuf") -> None:
    """Make spans of this process, and send them somewhere if there is a place.

    How many are sampled is OTEL_TRACES_SAMPLER's to say; all of them if it is not set.

    Args:
        service: its name in the traces.
        version: its release.
        endpoint: an OTLP endpoint such as http://jaeger:4318, or http://jaeger:4317 for grpc.
        protocol: what it speaks.
    """
    global _recorded  # noqa: PLW0603 - as OpenTelemetry itself: one provider per process
    _recorded = endpoint is not None
    if endpoint is None:
        return
    resource = Resource.create({"service.name": service, "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(endpoint.rstrip("/"), protocol)))
    trace.set_tracer_provider(provider)


def _exporter(endpoint: str, protocol: Protocol) -> SpanExporter:
    # Takes a tenth of a second to import: only where it is used.
    timeout = _FLUSH_MILLISECONDS / 1000
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_exporter  # noqa: PLC0415

        # Whether with TLS is the scheme's to say.
        return grpc_exporter.OTLPSpanExporter(endpoint=endpoint, timeout=timeout)
    from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_exporter  # noqa: PLC0415

    return http_exporter.OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=timeout)


def flush() -> None:
    """Send what is left; takes at most two seconds."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.force_flush(_FLUSH_MILLISECONDS)


@contextmanager
def handling(name: str, sent: Mapping[str, str], kind: SpanKind = SpanKind.SERVER) -> Iterator[Span]:
    """Handle what somebody else sent: its trace goes on here, and every log line meanwhile has its ids.

    Args:
        name: of the span, such as `shop.order.v1.OrderService/CreateOrder`.
        sent: the headers or metadata that came with it, names in lower case. A malformed id counts as none.
        kind: SERVER for a call, CONSUMER for a message.
    """
    parent = propagate.extract(sent)
    if not _recorded and not trace.get_current_span(parent).get_span_context().is_valid:
        parent = trace.set_span_in_context(_made_up(), parent)
    with _tracer.start_as_current_span(
        name, context=parent, kind=kind, record_exception=False, set_status_on_exception=False
    ) as span:
        request_id = sent.get(REQUEST_ID, "")
        if not _FORM.fullmatch(request_id):
            request_id = trace.format_trace_id(span.get_span_context().trace_id)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            yield span


def _made_up() -> Span:
    """The beginning of a trace that is recorded nowhere: OpenTelemetry makes none when nothing is to be recorded."""
    return NonRecordingSpan(SpanContext(_ids.generate_trace_id(), _ids.generate_span_id(), is_remote=False))


@contextmanager
def within(name: str, kind: SpanKind = SpanKind.INTERNAL) -> Iterator[Span]:
    """Do a part of what is being handled, as a span of its own."""
    with _tracer.start_as_current_span(name, kind=kind) as span:
        yield span


@contextmanager
def sending(name: str, carrier: MutableMapping[str, str], kind: SpanKind = SpanKind.CLIENT) -> Iterator[Span]:
    """Send something to somebody else: the headers or metadata in `carrier` get the ids that belong to it."""
    with within(name, kind) as span:
        carrier.update(outgoing())
        yield span


def outgoing() -> dict[str, str]:
    """The ids of what is being handled, as headers for what follows from it."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return carrier | ({REQUEST_ID: request_id} if isinstance(request_id, str) else {})

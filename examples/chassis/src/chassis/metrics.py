"""Metrics that every service has, under the same names (OB-1, OB-2). `chassis.operations` serves them.

Those of a database's pool are in `chassis.sql`; what only one service counts is the service's own.
"""

from prometheus_client import Counter, Gauge, Histogram

LATENCY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5, 10)

grpc_requests = Counter("grpc_requests", "gRPC requests answered", ["service", "method", "code"])
grpc_latency = Histogram(
    "grpc_request_duration_seconds",
    "Time from a gRPC request to its answer",
    ["service", "method"],
    buckets=LATENCY_SECONDS,
)
http_requests = Counter("http_requests", "HTTP requests answered", ["service", "method", "path", "code"])
http_latency = Histogram(
    "http_request_duration_seconds",
    "Time from an HTTP request to its answer; paths are templates, such as /v1/payments/{payment_id}",
    ["service", "method", "path"],
    buckets=LATENCY_SECONDS,
)
requests_bound = Gauge("requests_bound", "So many requests are worked on at once, now", ["service"])
requests_refused = Counter("requests_refused", "Requests whose turn did not come", ["service"])
ready = Gauge("service_ready", "1 while what the process needs answers and it is not draining", ["service"])
retries = Counter("retries", "Attempts that were made again", ["what"])
breaker_open = Gauge("breaker_open", "1 while calls fail at once because too many have failed before", ["what"])

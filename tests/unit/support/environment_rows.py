"""What every field of a DeliveryEnvironment turns into in the children of a service that names it: one row each."""

from typing import Final

from tests.unit.support.rows import COLLECTOR, INGRESS, ROUTED, Row, at, env, pods, reference, web

_GATEWAY: Final = {"exposure": {"domain": "example.com", "gateway": {"name": "public", "namespace": "gateways"}}}
_GRPC: Final = {**ROUTED, "processes.web.port.protocol": "grpc"}
_SENTRY: Final = {"telemetry": {"sentry": {"name": "sentry", "key": "dsn"}}}
_OPEN: Final = {"isolation": {"destinations": [{"cidr": "10.0.0.0/8", "ports": [443]}]}}
_SPREAD: Final = "pod.spec.topologySpreadConstraints[0].topologyKey"
_POLICY: Final = "NetworkPolicy order-service"

ROWS: Final = (
    Row("defaults.resources.requests", {"cpu": "1", "memory": "128Mi"}, pods("container.resources.requests.cpu")),
    Row("defaults.resources.limits", {"memory": "1Gi"}, pods("container.resources.limits.memory")),
    Row("defaults.logLevel", "debug", env("LOG_LEVEL")),
    Row(
        "defaults.spread",
        ["topology.kubernetes.io/zone"],
        web(_SPREAD) | at("Deployment order-worker", _SPREAD) | at("CronJob order-sweep", _SPREAD),
    ),
    Row(
        "exposure.domain",
        "example.org",
        web("container.env[PUBLIC_HOST].value") | at("Ingress order-web", "spec.rules[0].host"),
        ROUTED,
        INGRESS,
    ),
    Row(
        "exposure.gateway.name",
        "other",
        at("HTTPRoute order-web", "spec.parentRefs[public]", "spec.parentRefs[other]"),
        ROUTED,
        _GATEWAY,
    ),
    *(
        Row(
            f"exposure.gateway.{name}",
            "other",
            at("HTTPRoute order-web", f"spec.parentRefs[public].{name}"),
            ROUTED,
            _GATEWAY,
        )
        for name in ("namespace", "sectionName")
    ),
    Row("exposure.ingress.className", "other", at("Ingress order-web", "spec.ingressClassName"), ROUTED, INGRESS),
    Row(
        "exposure.ingress.annotations",
        {"a": "ours"},
        at("Ingress order-web", "metadata.annotations.a"),
        ROUTED,
        INGRESS,
    ),
    Row(
        "exposure.ingress.grpcAnnotations",
        {"a": "ours"},
        at("Ingress order-web", "metadata.annotations.a"),
        _GRPC,
        INGRESS,
    ),
    Row("exposure.ingress.tlsSecret", "tls", at("Ingress order-web", "spec.tls"), ROUTED, INGRESS),
    Row(
        "telemetry.otlp.endpoint",
        "http://other:4318",
        env("OTEL_EXPORTER_OTLP_ENDPOINT") | at(_POLICY, "spec.egress[1].ports[0].port"),
        environment=COLLECTOR,
    ),
    Row("telemetry.otlp.protocol", "http/protobuf", env("OTEL_EXPORTER_OTLP_PROTOCOL"), environment=COLLECTOR),
    Row("telemetry.otlp.samplePercent", 50, env("OTEL_TRACES_SAMPLER_ARG"), environment=COLLECTOR),
    *(
        Row(f"telemetry.sentry.{part}", "other", reference("SENTRY_DSN", "secretKeyRef", part), environment=_SENTRY)
        for part in ("name", "key")
    ),
    Row("isolation.enabled", value=False, places=frozenset({_POLICY, "NetworkPolicy order-web"})),
    Row(
        "isolation.routerNamespaces",
        ["gateways"],
        at("NetworkPolicy order-web", "spec.ingress[0].from"),
        ROUTED,
        INGRESS,
    ),
    Row(
        "isolation.monitoringNamespaces",
        ["monitoring"],
        at("NetworkPolicy order-web", "spec.ingress[1].from[0].namespaceSelector.matchLabels"),
        {"processes.web.metrics": {"port": 9090}},
    ),
    Row(
        "isolation.destinations.0.cidr",
        "10.1.0.0/16",
        at(_POLICY, "spec.egress[2].to[0].ipBlock.cidr"),
        environment=_OPEN,
    ),
    Row("isolation.destinations.0.ports", [8443], at(_POLICY, "spec.egress[2].ports[0].port"), environment=_OPEN),
)

"""Services that between them use every template and every choice in it."""

from typing import Any, Final

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.render.manifests import BARE
from delivery_operator.render.platform import GATEWAY, KEDA, MONITORING, Platform

SERVICES: Final[dict[str, dict[str, Any]]] = {
    "minimal": {
        "image": "registry.example.com/shop/order:v1.0.0",
        "processes": {"web": {"command": ["order", "web"]}},
    },
    "order": {
        "codebase": {"repository": "https://git.example.com/shop/order", "revision": "v1.4.2+build.7"},
        "image": "registry.example.com/shop/order:v1.4.2",
        "imagePullSecrets": ["registry"],
        "processes": {
            "web": {
                "command": ["order", "web"],
                "port": {"number": 50051, "protocol": "grpc"},
                "replicas": 3,
                "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}, "limits": {"memory": "1.5Gi"}},
                "shutdown": {"preStopSeconds": 5, "drainSeconds": 20},
            },
            "relay": {"command": ["order", "relay"], "replicas": 2},
        },
        "config": {
            "LOG_LEVEL": {"value": "info"},
            "BANNER": {"value": "it's {{ 7*7 }} \"o'clock\"\n"},
            "FEATURE_FLAGS": {"configMapKeyRef": {"name": "order-flags", "key": "flags"}},
            "SENTRY_DSN": {"secretKeyRef": {"name": "order-sentry", "key": "dsn"}, "optional": True},
        },
        "backingServices": [
            {"name": "events", "type": "kafka", "version": "4", "secret": "kafka", "env": {"KAFKA_BROKERS": "brokers"}},
            {
                "name": "db",
                "type": "postgresql",
                "version": "15",
                "secret": "db-credentials",
                "env": {"DATABASE_URL": "url"},
            },
        ],
        "release": {
            "migrate": {"command": ["order", "migrate"], "timeoutSeconds": 300, "backoffLimit": 2},
            "progressDeadlineSeconds": 120,
        },
    },
    "protocols": {
        "image": "registry.example.com/shop/gate@sha256:" + "0123456789abcdef" * 4,
        "processes": {
            "web": {"command": ["gate", "web"], "port": {"number": 8080, "protocol": "http"}},
            "admin": {"command": ["gate", "admin"], "port": {"number": 9000}, "replicas": 0},
            "raw": {
                "command": ["gate", "raw"],
                "port": {"number": 7000, "protocol": "tcp"},
                "expose": {"type": "loadBalancer"},
                "shutdown": {"preStopSeconds": 0, "drainSeconds": 60, "graceSeconds": 90},
                "resources": {"requests": {}, "limits": {}},
            },
        },
    },
    "payment": {
        "environment": "production",
        "codebase": {"repository": "https://git.example.com/shop/payment", "revision": "v2.0.1"},
        "image": "registry.example.com/shop/payment@sha256:" + "0123456789abcdef" * 4,
        "processes": {
            "web": {
                "command": ["payment", "web"],
                "image": "registry.example.com/shop/payment-web@sha256:" + "fedcba9876543210" * 4,
                "port": {"number": 50051, "protocol": "grpc"},
                "scaling": {"min": 2, "max": 10, "cpu": 70, "memory": 80},
                "expose": {"path": "/payment.v1.Payments/Pay"},
                "probes": {"readiness": {"service": "readiness", "periodSeconds": 3}, "startup": {"enabled": False}},
                "metrics": {"port": 9090},
                "nodeSelector": {"disk": "ssd"},
                "spread": ["topology.kubernetes.io/zone", "kubernetes.io/hostname"],
                "priorityClassName": "system-cluster-critical",
            },
            "rest": {
                "command": ["payment", "rest"],
                "port": {"number": 8080},
                "singleton": True,
                "expose": {"host": "pay.example.com", "path": "/v1"},
                "metrics": {"port": 8080, "path": "/internal/metrics"},
            },
            "consumer": {
                "command": ["payment", "consume"],
                "scaling": {
                    "max": 12,
                    "cpu": 90,
                    "queue": {
                        "type": "kafka",
                        "name": "orders",
                        "consumerGroup": "payment",
                        "addressFrom": "KAFKA_BROKERS",
                    },
                },
                "probes": {"port": 8081, "liveness": {"path": "/alive", "timeoutSeconds": 5, "failureThreshold": 6}},
                "scratch": {"/var/cache/payment": "256Mi", "/tmp/": "1024Mi"},  # noqa: S108 the pod's own
            },
            "mailer": {
                "command": ["payment", "mail"],
                "scaling": {
                    "max": 5,
                    "queue": {"type": "rabbitmq", "name": "mails", "addressFrom": "AMQP_URL", "target": 20},
                },
            },
            "sms": {
                "command": ["payment", "sms"],
                "scaling": {
                    "max": 5,
                    "queue": {
                        "type": "redis",
                        "name": "sms",
                        "addressFrom": "REDIS_ADDR",
                        "passwordFrom": "REDIS_PASSWORD",
                    },
                },
            },
            "sweep": {
                "command": ["payment", "sweep"],
                "schedule": "*/10 * * * *",
                "cron": {
                    "timeZone": "Europe/Berlin",
                    "concurrency": "replace",
                    "timeoutSeconds": 300,
                    "backoffLimit": 1,
                },
            },
        },
        "config": {"MODE": {"value": "live"}},
        "configFrom": [
            {"name": "stripe", "secret": "stripe", "prefix": "STRIPE_"},
            {"name": "flags", "configMap": "flags", "optional": True},
        ],
        "backingServices": [
            {
                "name": "db",
                "type": "postgresql",
                "version": "15",
                "provisionedService": {"apiVersion": "databases.example.com/v1", "kind": "Postgres", "name": "payment"},
                "files": True,
                "pool": {"maxOpen": 40},
            },
            {"name": "events", "type": "kafka", "secret": "kafka", "env": {"KAFKA_BROKERS": "brokers"}},
            {"name": "mq", "type": "rabbitmq", "secret": "mq", "env": {"AMQP_URL": "url"}, "port": 5671},
            {"name": "cache", "type": "redis", "secret": "redis", "env": {"REDIS_ADDR": "a", "REDIS_PASSWORD": "p"}},
        ],
        "release": {
            "migrate": {"command": ["payment", "migrate"]},
            "contract": {"command": ["payment", "migrate", "--contract"], "timeoutSeconds": 60, "backoffLimit": 0},
        },
        "tasks": {"seed": {"command": ["payment", "seed"]}},
        "tracing": {"samplePercent": 10},
        "sentry": {"name": "payment-sentry", "key": "dsn"},
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/payment"}},
        "network": {
            "callers": [{"service": "order"}, {"service": "gate", "namespace": "edge"}],
            "calls": [{"service": "ledger"}, {"service": "fraud", "namespace": "risk"}],
            "destinations": [{"cidr": "203.0.113.0/24", "ports": [443, 8443]}],
        },
    },
    "gate": {
        "environment": "staging",
        "image": "registry.example.com/shop/gate:v3.1.0",
        "processes": {
            "web": {
                "command": ["gate", "web"],
                "port": {"number": 8080},
                "scaling": {"min": 1, "max": 4, "cpu": 75},
                "expose": {},
                "metrics": {"port": 9100},
            },
            "api": {
                "command": ["gate", "api"],
                "port": {"number": 50051, "protocol": "grpc"},
                "expose": {"host": "api.example.com", "tlsSecret": "api-tls"},
            },
            "tail": {
                "command": ["gate", "tail"],
                "scaling": {"min": 3, "max": 9, "queue": {"type": "redis", "name": "q", "addressFrom": "REDIS_ADDR"}},
                "metrics": {"port": 9100},
            },
            "nightly": {"command": ["gate", "nightly"], "schedule": "@daily", "spread": []},
        },
        "backingServices": [{"name": "other", "type": "ldap", "secret": "ldap", "env": {"LDAP_URL": "url"}}],
        "tracing": {"enabled": False},
        "network": {"callers": []},
    },
    "open": {
        "environment": "lab",
        "image": "registry.example.com/shop/open:v0.1.0",
        "processes": {"web": {"command": ["open", "web"], "port": {"number": 8080}, "expose": {}}},
        "config": {
            "OTEL_EXPORTER_OTLP_ENDPOINT": {"value": "http://jaeger:4317"},
            "SENTRY_DSN": {"secretKeyRef": {"name": "open-sentry", "key": "dsn"}},
        },
    },
}

PLATFORMS: Final[dict[str, Platform]] = dict.fromkeys(SERVICES, BARE) | {
    "payment": Platform(
        DeliveryEnvironmentSpec.model_validate(
            {
                "tier": "production",
                "defaults": {
                    "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
                    "logLevel": "warning",
                },
                "exposure": {
                    "domain": "example.com",
                    "gateway": {"name": "public", "namespace": "gateways", "sectionName": "https"},
                },
                "telemetry": {"otlp": {"endpoint": "http://otel-collector.observability:4317"}},
                "isolation": {
                    "routerNamespaces": ["gateways"],
                    "monitoringNamespaces": ["monitoring"],
                    "destinations": [{"cidr": "10.20.0.0/16", "ports": [443]}],
                },
            }
        ),
        served=frozenset({GATEWAY, KEDA, MONITORING}),
        bindings={"db": "payment-db"},
    ),
    "gate": Platform(
        DeliveryEnvironmentSpec.model_validate(
            {
                "tier": "staging",
                "defaults": {"spread": ["topology.kubernetes.io/zone"]},
                "exposure": {
                    "domain": "staging.example.com",
                    "ingress": {
                        "className": "nginx",
                        "annotations": {"cert-manager.io/cluster-issuer": "internal"},
                        "grpcAnnotations": {"nginx.ingress.kubernetes.io/backend-protocol": "GRPC"},
                        "tlsSecret": "wildcard-tls",
                    },
                },
                "telemetry": {
                    "otlp": {"endpoint": "https://otlp.example.com/v1", "protocol": "http/protobuf"},
                    "sentry": {"name": "sentry", "key": "dsn"},
                },
                "isolation": {"routerNamespaces": ["ingress-nginx"]},
            }
        ),
    ),
    "open": Platform(
        DeliveryEnvironmentSpec.model_validate(
            {
                "exposure": {"ingress": {"className": "nginx"}, "domain": "lab.example.com"},
                "isolation": {"enabled": False},
            }
        )
    ),
}
"""What the cluster and environment of each add; nothing where it does not say."""

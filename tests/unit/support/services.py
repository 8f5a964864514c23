"""Services that between them use every template and every choice in it."""

from typing import Any, Final

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
                "shutdown": {"preStopSeconds": 0, "drainSeconds": 60, "graceSeconds": 90},
                "resources": {"requests": {}, "limits": {}},
            },
        },
    },
}

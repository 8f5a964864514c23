"""Whether a bundle is whole: every template, and every choice in it, rendered for a service that has everything.

What is wrong in a platform team's own template so shows when it is given, and not with the next release of a service.
"""

from typing import Any, Final

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.render.bundle import Bundle
from delivery_operator.render.manifests import render, scaling
from delivery_operator.render.platform import GATEWAY, KEDA, MONITORING, Platform

_PORT: Final = 8080
_METRICS: Final = 9090


def check(bundle: Bundle) -> None:
    """Render the sample with every template of a bundle, and with and without what a service may leave out.

    Raises:
        TemplateError: a template does not compile, asks for what is not there, makes no object, or makes another than
            the operator relies on; the message names the template and, where it is known, line and variable.
    """
    for spec in (_sample(), _least()):
        for platform in _platforms():
            render("sample", "sample", spec, bundle, platform)
            scaling("sample", "sample", spec, bundle, platform)


def _least() -> DeliveryServiceSpec:
    """Build a service that says nothing but what it must."""
    return DeliveryServiceSpec.model_validate({"image": "sample:v1", "processes": {"worker": {"command": ["sample"]}}})


def _sample() -> DeliveryServiceSpec:
    """Build a service with a process of each sort, and with all that a process may have."""
    exposed: dict[str, Any] = {"command": ["sample"], "expose": {"path": "/sample"}, "metrics": {"port": _METRICS}}
    queue = {"type": "redis", "name": "sample", "addressFrom": "REDIS_ADDR"}
    return DeliveryServiceSpec.model_validate(
        {
            "codebase": {"repository": "https://git.example.com/sample", "revision": "v1.0.0"},
            "image": "sample:v1",
            "imagePullSecrets": ["sample"],
            "processes": {
                "http": {
                    **exposed,
                    "port": {"number": _PORT},
                    "scaling": {"min": 1, "max": 2, "cpu": 50, "memory": 50},
                    "nodeSelector": {"sample": "sample"},
                    "priorityClassName": "sample",
                    "scratch": {"/sample": "1Mi"},
                },
                "grpc": {
                    **exposed,
                    "port": {"number": _PORT, "protocol": "grpc"},
                    "scaling": {"max": 2, "queue": queue},
                },
                "tcp": {
                    "command": ["sample"],
                    "port": {"number": _PORT, "protocol": "tcp"},
                    "expose": {"type": "loadBalancer"},
                    "singleton": True,
                },
                "worker": {"command": ["sample"], "replicas": 2, "shutdown": {"preStopSeconds": 0}, "spread": []},
                "cron": {"command": ["sample"], "schedule": "@daily"},
            },
            "config": {
                "LITERAL": {"value": "sample"},
                "REFERENCE": {"secretKeyRef": {"name": "sample", "key": "sample"}, "optional": True},
            },
            "configFrom": [{"name": "sample", "secret": "sample", "prefix": "SAMPLE_"}],
            "backingServices": [{"name": "db", "type": "postgresql", "secret": "sample", "files": True, "pool": {}}],
            "release": {"migrate": {"command": ["sample"]}, "contract": {"command": ["sample"]}},
            "sentry": {"name": "sample", "key": "sample"},
            "serviceAccount": {"annotations": {"sample": "sample"}},
            "network": {
                "callers": [{"service": "sample", "namespace": "other"}],
                "calls": [{"service": "sample"}],
                "destinations": [{"cidr": "10.0.0.0/8", "ports": [443]}],
            },
        }
    )


def _platforms() -> tuple[Platform, ...]:
    """Build a cluster with everything and a gateway, one with an ingress controller alone, and one with nothing."""
    rich = DeliveryEnvironmentSpec.model_validate(
        {
            "exposure": {
                "domain": "example.com",
                "gateway": {"name": "sample", "namespace": "sample", "sectionName": "sample"},
            },
            "telemetry": {"otlp": {"endpoint": "http://sample:4317"}},
            "isolation": {"routerNamespaces": ["sample"], "monitoringNamespaces": ["sample"]},
        }
    )
    plain = DeliveryEnvironmentSpec.model_validate(
        {
            "exposure": {
                "domain": "example.com",
                "ingress": {"className": "sample", "tlsSecret": "sample", "annotations": {"sample": "sample"}},
            }
        }
    )
    return Platform(rich, served=frozenset({GATEWAY, KEDA, MONITORING})), Platform(plain), Platform()

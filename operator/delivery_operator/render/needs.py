"""What must be there for a spec to be rendered whole, and is not: in the environment, or in the cluster.

The policy of an environment (pre-releases, digests, registries) is not asked here: admission holds it, with the rules
of `api/policy.py`, and a second copy of them could say something else. A queue without KEDA is no need either: the
other measures decide then, or there are `min` pods.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.render.exposure import by_route
from delivery_operator.render.platform import GATEWAY, Platform


@dataclass(frozen=True)
class Need:
    """One thing that is missing.

    Attributes:
        reason: one word for programs.
        message: what is missing and what to do, for people.
    """

    reason: str
    message: str


def unmet(spec: DeliveryServiceSpec, platform: Platform) -> list[Need]:
    """List what is missing, each kind of it once."""
    return list(_unmet(spec, platform))


def _unmet(spec: DeliveryServiceSpec, platform: Platform) -> Iterator[Need]:
    routed = {name: process for name, process in sorted(spec.processes.items()) if by_route(process)}
    if not routed:
        return
    exposure = platform.environment.exposure
    if not exposure.gateway and not exposure.ingress:
        yield Need(
            "ExposureMissing",
            f"environment {spec.environment} has no gateway and no ingress to expose {_processes(routed)} by; remove "
            "expose, or ask the platform team for exposure in the environment",
        )
    unnamed = [name for name, process in routed.items() if process.expose and not process.expose.host]
    if unnamed and not exposure.domain:
        yield Need(
            "DomainMissing",
            f"environment {spec.environment} has no domain to name {_processes(unnamed)} by; write expose.host",
        )
    if exposure.gateway and GATEWAY not in platform.served:
        yield Need(
            "GatewayApiNotServed",
            f"environment {spec.environment} exposes {_processes(routed)} by a gateway, and this cluster does not "
            f"serve {GATEWAY}; the platform team installs the Gateway API, or names an ingress instead",
        )


def _processes(names: Collection[str]) -> str:
    return f"process{'es' if len(names) > 1 else ''} {', '.join(names)}"

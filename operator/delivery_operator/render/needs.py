"""What must be there for a spec to be rendered whole, and is not: in the environment, the cluster, or the spec itself.

The policy of an environment (pre-releases, digests, registries) is not asked here: admission holds it, with the rules
of `api/policy.py`, and a second copy of them could say something else. A queue without KEDA is no need either: the
other measures decide then, or there are `min` pods.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from delivery_operator.api.expose import Expose
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
    routed = {name: each.expose for name, each in sorted(spec.processes.items()) if each.expose and by_route(each)}
    if not routed:
        return
    exposure = platform.environment.exposure
    if not exposure.gateway and not exposure.ingress:
        yield Need(
            "ExposureMissing",
            f"environment {spec.environment} has no gateway and no ingress to expose {_processes(routed)} by; remove "
            "expose, or ask the platform team for exposure in the environment",
        )
    unnamed = [name for name, expose in routed.items() if not expose.host]
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
    for shared in _sharing(routed):
        yield Need(
            "RouteAmbiguous",
            f"{_processes(shared)} are exposed under one host and path; give each a host or a path of its own",
        )


def _sharing(routed: Mapping[str, Expose]) -> list[list[str]]:
    """Find processes that a router could not tell apart."""
    places: dict[tuple[str | None, str], list[str]] = {}
    for name, expose in routed.items():
        places.setdefault((expose.host, expose.path or "/"), []).append(name)
    return [names for names in places.values() if len(names) > 1]


def _processes(names: Collection[str]) -> str:
    return f"process{'es' if len(names) > 1 else ''} {', '.join(names)}"

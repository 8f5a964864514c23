"""Which connections the pods of a service take and make (becomes NetworkPolicies, as the environment says).

One policy holds for all pods of the service: what they may call, and that nothing calls them. One more for each process
that listens adds who may call its ports. So a worker takes nothing in.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from delivery_operator.api.network import Destination, Peer
from delivery_operator.api.process import Process
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.render import names
from delivery_operator.render.exposure import by_load_balancer, by_route
from delivery_operator.render.platform import Platform
from delivery_operator.render.variables import exports_traces, reports_errors

Rule = dict[str, Any]

DNS: Final = 53
HTTPS: Final = 443
_URL_PORT: Final = re.compile(r"[a-z]+://[^/]*:([0-9]+)(?:/|$)")
_SCHEME_PORTS: Final = {"http": 80, "https": HTTPS}
_NAMESPACE: Final = "kubernetes.io/metadata.name"  # the label that every namespace has


def egress(spec: DeliveryServiceSpec, platform: Platform) -> list[Rule]:
    """Build what the service may call: DNS, its backing services, declared peers and addresses, and telemetry."""
    dns = [{"protocol": protocol, "port": DNS} for protocol in ("UDP", "TCP")]
    # Where a backing service is only its Secret knows, so its port is open to every address.
    open_ports = {each.network_port for each in spec.backing_services} | set(_telemetry(spec, platform))
    anywhere = [{"protocol": "TCP"}] if None in open_ports else _tcp(port for port in open_ports if port is not None)
    destinations = [*spec.network.destinations, *platform.environment.isolation.destinations]
    return [
        {"ports": dns},
        *([{"ports": anywhere}] if anywhere else []),
        *({"to": [_peer(peer)]} for peer in spec.network.calls),
        *(_destination(each) for each in destinations),
    ]


def ingress(spec: DeliveryServiceSpec, platform: Platform, process: Process) -> list[Rule]:
    """Build who may call a process: callers and the router its port, Prometheus its metrics; empty for a worker."""
    isolation = platform.environment.isolation
    rules: list[Rule] = []
    if process.port:
        ports = _tcp([process.port.number])
        callers = (
            [{"podSelector": {}}] if spec.network.callers is None else [_peer(each) for each in spec.network.callers]
        )
        if by_load_balancer(process) or (by_route(process) and not isolation.router_namespaces):
            rules.append({"ports": ports})
        elif by_route(process):
            rules.append({"from": [*callers, *_namespaces(isolation.router_namespaces)], "ports": ports})
        elif callers:
            rules.append({"from": callers, "ports": ports})
    if process.metrics:
        monitoring = _namespaces(isolation.monitoring_namespaces) or [{"namespaceSelector": {}}]
        rules.append({"from": monitoring, "ports": _tcp([process.metrics.port])})
    return rules


def _telemetry(spec: DeliveryServiceSpec, platform: Platform) -> Iterable[int]:
    otlp = platform.environment.telemetry.otlp
    if otlp and exports_traces(spec, platform):
        yield _port(otlp.endpoint)
    if reports_errors(spec, platform):
        yield HTTPS


def _port(url: str) -> int:
    found = _URL_PORT.match(url)
    return int(found[1]) if found else _SCHEME_PORTS[url.partition(":")[0]]


def _tcp(ports: Iterable[int]) -> list[Rule]:
    return [{"protocol": "TCP", "port": port} for port in sorted(ports)]


def _peer(peer: Peer) -> Rule:
    pods = {"podSelector": {"matchLabels": {names.SERVICE: peer.service}}}
    return {**_namespace(peer.namespace), **pods} if peer.namespace else pods


def _namespaces(allowed: Sequence[str]) -> list[Rule]:
    return [_namespace(each) for each in allowed]


def _namespace(name: str) -> Rule:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE: name}}}


def _destination(destination: Destination) -> Rule:
    return {"to": [{"ipBlock": {"cidr": destination.cidr}}], "ports": _tcp(destination.ports)}

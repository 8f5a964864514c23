"""How requests from outside reach a process (F7-5): a route on a gateway or ingress controller, or a load balancer."""

from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.api.environment import Exposure
from delivery_operator.api.expose import Expose, ExposeType
from delivery_operator.api.process import Port, Process, Protocol
from delivery_operator.render.platform import GATEWAY, Platform

HTTP_PORT: Final = 80


@dataclass(frozen=True)
class Route:
    """A route of a process.

    Attributes:
        template: name of its template.
        data: what the template sees as `route`.
    """

    template: str
    data: dict[str, Any]


def service_port(port: Port) -> int:
    """Port of a process's Service: 80 for http, the process's own for others (F7-4, F7-8)."""
    return HTTP_PORT if port.protocol is Protocol.HTTP else port.number


def by_route(process: Process) -> bool:
    """Whether a process is reached by a host name."""
    return process.expose is not None and process.expose.type is ExposeType.ROUTE


def by_load_balancer(process: Process) -> bool:
    """Whether a process's Service has an address of its own."""
    return process.expose is not None and process.expose.type is ExposeType.LOAD_BALANCER


def public_host(service: str, process: Process, exposure: Exposure) -> str | None:
    """Host name of a process that is exposed by a route (F3-14); None when nothing names one."""
    if process.expose is None or not by_route(process):
        return None
    if process.expose.host is None and exposure.domain is not None:
        return f"{service}.{exposure.domain}"
    return process.expose.host


def route(service: str, process: Process, platform: Platform) -> Route | None:
    """Build what the route's template sees; None when the process has no route, or needs what is not there yet."""
    exposure = platform.environment.exposure
    host = public_host(service, process, exposure)
    if host is None or process.expose is None or process.port is None:
        return None
    grpc = process.port.protocol is Protocol.GRPC
    data = {"host": host, "path": process.expose.path or "/", "port": service_port(process.port)}
    if exposure.gateway and GATEWAY in platform.served:
        gateway = exposure.gateway.model_dump(mode="json", by_alias=True)
        if grpc:
            return Route("grpcroute", {**data, "gateway": gateway, "method": _method(process.expose)})
        return Route("httproute", {**data, "gateway": gateway})
    if exposure.ingress:
        more = exposure.ingress.grpc_annotations if grpc else {}
        return Route(
            "ingress",
            {
                **data,
                "className": exposure.ingress.class_name,
                "annotations": {**exposure.ingress.annotations, **more},
                "tlsSecret": process.expose.tls_secret or exposure.ingress.tls_secret,
            },
        )
    return None


def _method(expose: Expose) -> dict[str, str] | None:
    """Read a path as gRPC does: /<service>/<method>."""
    parts = [part for part in (expose.path or "").split("/") if part]
    return dict(zip(("service", "method"), parts, strict=False)) or None

"""How requests from outside the cluster reach a process (F7-5)."""

from enum import StrEnum

from pydantic import ConfigDict, Field

from delivery_operator.api.base import Model, rules
from delivery_operator.api.scalars import Host, ObjectName, Path


class ExposeType(StrEnum):
    """How requests from outside the cluster reach a process."""

    ROUTE = "route"
    LOAD_BALANCER = "loadBalancer"


class Expose(Model):
    """Reachable from outside the cluster (F7-5)."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "self.type == 'route' || !(has(self.host) || has(self.path) || has(self.tlsSecret))",
                "expose: remove host, path and tlsSecret, or write type route: a load balancer passes every "
                "connection on",
            ),
        )
    )

    type: ExposeType = Field(
        default=ExposeType.ROUTE,
        description="route (default): a host name on the platform's gateway or ingress controller, as the environment "
        "says: HTTPRoute, GRPCRoute or Ingress. loadBalancer: the Service gets an address of its own.",
    )
    host: Host | None = Field(
        default=None,
        description="Host name. Default: <service>.<domain of the environment>. Also passed as PUBLIC_HOST.",
    )
    path: Path | None = Field(default=None, description="Only paths with this prefix. Default /, that is all.")
    tls_secret: ObjectName | None = Field(
        default=None,
        description="Secret of type kubernetes.io/tls for the host, where an Ingress ends TLS. Default: that of the "
        "environment. A gateway has its certificates on its own listeners.",
    )

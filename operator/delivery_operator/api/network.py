"""Who may call a service and whom it may call, beyond its backing services (becomes a NetworkPolicy)."""

from pydantic import Field

from delivery_operator.api.base import Model
from delivery_operator.api.scalars import Cidr, Label, PortNumber


class Peer(Model):
    """Another DeliveryService."""

    service: Label = Field(description="Its name.")
    namespace: Label | None = Field(default=None, description="Its namespace. Default: this service's own.")


class Destination(Model):
    """Addresses outside the cluster."""

    cidr: Cidr = Field(description="Address range, e.g. 10.20.0.0/16 or 0.0.0.0/0.")
    ports: list[PortNumber] = Field(
        min_length=1,
        max_length=16,
        description="TCP ports, e.g. 443.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Network(Model):
    """Who may call this service, and whom it may call; enforced where the environment isolates services."""

    callers: list[Peer] | None = Field(
        default=None,
        max_length=64,
        description="The services that may call its ports. Default: every pod of its namespace. An empty list: nobody "
        "but the router.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    calls: list[Peer] = Field(
        default=[],
        max_length=64,
        description="The services it calls. Default none.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    destinations: list[Destination] = Field(
        default=[],
        max_length=32,
        description="Other addresses it calls. Default none.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["cidr"]},
    )

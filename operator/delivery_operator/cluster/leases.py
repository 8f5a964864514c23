"""One Lease (coordination.k8s.io/v1): an object that one at a time holds, read and written by its version.

What is written in it and when is the caller's to decide; here nothing waits, and no clock is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from delivery_operator.cluster.api import Api, Body
from delivery_operator.cluster.errors import NotFound
from delivery_operator.cluster.resources import LEASES
from delivery_operator.render.names import MANAGER


@dataclass(frozen=True)
class Record:
    """What a Lease says.

    Attributes:
        holder: who holds it; empty when nobody does.
        seconds: for how long after the last change others are to stay away.
        transitions: how many times it has been taken; with the holder it names one term of office.
        acquired: when it was taken, for people: no decision is made from it.
        renewed: when it was last renewed, for people too.
    """

    holder: str
    seconds: int
    transitions: int
    acquired: str = ""
    renewed: str = ""

    @classmethod
    def of(cls, lease: Body) -> Self:
        """Read it; fields that somebody else has left out count as nothing."""
        spec = lease.get("spec") or {}
        return cls(
            holder=spec.get("holderIdentity") or "",
            seconds=spec.get("leaseDurationSeconds") or 0,
            transitions=spec.get("leaseTransitions") or 0,
            acquired=spec.get("acquireTime") or "",
            renewed=spec.get("renewTime") or "",
        )

    def spec(self) -> dict[str, Any]:
        """The fields as the API server takes them."""
        return {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": self.seconds,
            "leaseTransitions": self.transitions,
            "acquireTime": self.acquired,
            "renewTime": self.renewed,
        }

    def same_term(self, other: "Record") -> bool:
        """Whether both are of one term of office."""
        return (self.holder, self.transitions) == (other.holder, other.transitions)


@dataclass(frozen=True)
class Lease:
    """Where one Lease is.

    Attributes:
        api: a client of its own: its requests must wait for no others, and for no lease.
        labels: put on it when it is made.
    """

    api: Api
    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=lambda: {"app.kubernetes.io/managed-by": MANAGER})

    async def read(self) -> Body | None:
        """Read it; None when it does not exist.

        Raises:
            ApiError: it could not be read.
        """
        try:
            return await self.api.get(LEASES, self.namespace, self.name)
        except NotFound:
            return None

    async def write(self, seen: Body | None, record: Record) -> Body:
        """Write a record over the Lease as it was seen, or make it when there was none.

        Raises:
            Conflict: it has changed since.
            AlreadyExists: somebody has made it since.
            NotFound: it is gone.
            ApiError: it could not be written, or nobody knows whether it was.
        """
        if seen is not None:
            return await self.api.update(LEASES, {**seen, "spec": {**(seen.get("spec") or {}), **record.spec()}})
        metadata = {"name": self.name, "namespace": self.namespace, "labels": dict(self.labels)}
        body = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": record.spec()}
        return await self.api.create(LEASES, body)

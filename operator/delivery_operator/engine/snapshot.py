"""What a decision is made from: everything that is known about one service at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from delivery_operator.api.release import ReferenceKind
from delivery_operator.engine.disposability import Record
from delivery_operator.engine.drift import Repaired
from delivery_operator.engine.objects import Key, Object
from delivery_operator.render.bundle import Bundle
from delivery_operator.render.platform import Platform


@dataclass(frozen=True)
class Refusal:
    """A write that the API server refused for good: a quota, a policy, a right the operator lacks.

    Attributes:
        target: kind and name of the object, e.g. ("Deployment", "order-web").
        message: what the API server said.
    """

    target: Key
    message: str


@dataclass(frozen=True)
class Obstacle:
    """Why no release can be made for the environment that the service names.

    Attributes:
        reason: one word for programs.
        message: the cause and the next step, for people.
        passes: whether it goes away by itself.
    """

    reason: str
    message: str
    passes: bool = False


Reference = tuple[ReferenceKind, str]
"""Kind and name of a Secret or ConfigMap that a service takes values from."""
Database = tuple[str, str]
"""Name of the Secret that leads to it, and type of the backing service."""


@dataclass(frozen=True)
class Lock:
    """The Lease of a database, and what is known of the release that holds it.

    Attributes:
        lease: the Lease.
        release: the holder; None when there is no such release, or it cannot be seen.
        jobs: the Jobs of the holder's service.
        pods: the pods of the holder's service.
        visible: whether the holder's namespace is one that the operator looks at.
    """

    lease: Object
    release: Object | None = None
    jobs: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    visible: bool = True


@dataclass(frozen=True)
class Snapshot:
    """One service and what there is of it.

    Attributes:
        now: the time, in UTC; only for conditions and waiting, never to decide what should be.
        service: the DeliveryService.
        releases: every DeliveryRelease that carries the service's label, in any order.
        children: (kind, name) to every other object that carries the label, or has a name the service needs.
        pods: the pods that carry the label; their messages hold no secret values.
        referenced: each existing Secret or ConfigMap the service names, to its keys with the keyed hash of their
            values.
        bundle: the templates a new release is rendered with.
        platform: what the environment and the cluster add; the built-in one when there is an obstacle.
        obstacle: set when there is no usable environment.
        template_fault: what is wrong with the environment's own templates, empty when nothing is.
        renew: whether a wave of the environment asks the service to take those templates now.
        unbound: name of each backing service whose provisioned service names no Secret yet, to the reason.
        databases: Secret and type of each database that a release with work to do is bound to, to the names of the
            Leases it takes for that.
        locks: the Leases of those names, and all that releases of the service hold, by name.
        lock_namespace: where Leases are.
        tasks: the DeliveryTasks that name the service.
        repairs: what was lately set back in which child; not more than a delay depends on it.
        shutdowns: process to how its pods were seen to end, as far as the status may not tell it yet.
        refusals: what the API server just refused of plans for this service, the first one first: the status tells it,
            and what does not wait for those writes goes on.
    """

    now: datetime
    service: Object
    releases: Sequence[Object]
    children: Mapping[Key, Object]
    pods: Sequence[Object]
    referenced: Mapping[Reference, Mapping[str, str]]
    bundle: Bundle = field(repr=False)
    platform: Platform = field(default_factory=Platform)
    obstacle: Obstacle | None = None
    template_fault: str = ""
    renew: bool = False
    unbound: Mapping[str, str] = field(default_factory=dict)
    databases: Mapping[Database, tuple[str, ...]] = field(default_factory=dict)
    locks: Mapping[str, Lock] = field(default_factory=dict)
    lock_namespace: str = ""
    tasks: Sequence[Object] = ()
    repairs: Mapping[Key, Repaired] = field(default_factory=dict)
    shutdowns: Mapping[str, Record] = field(default_factory=dict)
    refusals: Sequence[Refusal] = ()

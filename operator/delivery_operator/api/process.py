"""A process type of the formation (factor VIII): what runs, how many, how it is probed, stopped, scaled and reached."""

from enum import StrEnum
from typing import Final

from pydantic import ConfigDict, Field

from delivery_operator.api.base import Model, rules
from delivery_operator.api.expose import Expose
from delivery_operator.api.resources import Resources
from delivery_operator.api.scalars import (
    CRON,
    CRON_RULES,
    DIGEST,
    IMAGE_NAME_RULE,
    LABEL_KEYS,
    AnyKey,
    Command,
    LabelKey,
    LabelValue,
    ObjectName,
    Path,
    PortNumber,
    Quantity,
)
from delivery_operator.api.scaling import Scaling


class Protocol(StrEnum):
    """What a port speaks: decides the probes, the Service's port and its route (F7-6)."""

    HTTP = "http"
    GRPC = "grpc"
    TCP = "tcp"


class Port(Model):
    """The port a process binds (factor VII); a process without one is a worker and gets no Service."""

    number: PortNumber = Field(description="TCP port the process listens on; it is passed to the process as PORT.")
    protocol: Protocol = Field(
        default=Protocol.HTTP,
        description="http: probes GET /healthz and /readyz, Service port 80. grpc: native gRPC health probes, Service "
        "port as the number. tcp: connect probes, Service port as the number.",
    )


class Probe(Model):
    """One probe; what is left out is the platform's."""

    enabled: bool = Field(default=True, description="Default true.")
    path: Path | None = Field(
        default=None,
        description="Path of an http probe. Default /readyz for readiness, /healthz for startup and liveness.",
    )
    service: str | None = Field(
        default=None,
        max_length=253,
        pattern=r"^[-A-Za-z0-9_./]*$",
        description='Service name that a grpc probe asks for, e.g. "readiness". Default: the server as a whole.',
    )
    period_seconds: int | None = Field(
        default=None,
        ge=1,
        le=3600,
        description="Seconds between two probes. Default: startup 1, readiness 5, liveness 10.",
    )
    timeout_seconds: int | None = Field(
        default=None, ge=1, le=300, description="Seconds until a probe counts as failed. Default: startup 1, others 2."
    )
    failure_threshold: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Failures in a row until it counts. Default: startup 120, readiness 2, liveness 3.",
    )


class Probes(Model):
    """How the platform asks a process whether it started, serves, and lives (F9-1, F9-2)."""

    port: PortNumber | None = Field(
        default=None,
        description="TCP port to ask. Default port.number. A worker is probed only when it names one.",
    )
    protocol: Protocol | None = Field(
        default=None,
        description="How to ask. Default: port.protocol, or http when probes.port is given.",
    )
    startup: Probe = Field(
        default_factory=Probe, description="Until it succeeds, the others wait. Becomes startupProbe."
    )
    readiness: Probe = Field(
        default_factory=Probe, description="Whether the pod gets requests. Becomes readinessProbe."
    )
    liveness: Probe = Field(
        default_factory=Probe, description="Whether the container must be restarted. Becomes livenessProbe."
    )


class Shutdown(Model):
    """How a process ends (factor IX): it serves on while it leaves the load balancers, drains, and then exits."""

    pre_stop_seconds: int = Field(
        default=3,
        ge=0,
        le=300,
        description="Seconds between the pod's removal from the endpoints and SIGTERM, in which it still serves. "
        "Default 3. Becomes lifecycle.preStop.sleep.",
    )
    drain_seconds: int = Field(
        default=15,
        ge=0,
        le=3600,
        description="Seconds the process may take after SIGTERM to finish what it has begun. Default 15. Passed to the "
        "process as SHUTDOWN_DRAIN_SECONDS.",
    )
    grace_seconds: int | None = Field(
        default=None,
        ge=1,
        le=7200,
        description="Seconds until SIGKILL, from the start of the stop. Default: preStopSeconds + drainSeconds + 5. "
        "Becomes terminationGracePeriodSeconds.",
    )

    @property
    def grace(self) -> int:
        """Seconds from the start of the stop until SIGKILL (F9-10)."""
        return self.pre_stop_seconds + self.drain_seconds + 5 if self.grace_seconds is None else self.grace_seconds


class Metrics(Model):
    """Where a process offers its metrics for Prometheus (OB-1, OB-4)."""

    port: PortNumber = Field(description="TCP port; passed to the process as METRICS_PORT. No Service exposes it.")
    path: Path = Field(default="/metrics", description="HTTP path. Default /metrics.")


class Concurrency(StrEnum):
    """What happens when a run is due while the one before it runs."""

    FORBID = "forbid"
    ALLOW = "allow"
    REPLACE = "replace"


class Cron(Model):
    """How a scheduled process runs."""

    time_zone: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z_]+(/[-+A-Za-z0-9_]+)*$",
        description="Time zone of the schedule, e.g. Europe/Berlin. Default Etc/UTC.",
    )
    concurrency: Concurrency = Field(
        default=Concurrency.FORBID,
        description="When a run is due while one runs: forbid (default) leaves it out, allow starts it beside, replace "
        "ends the running one.",
    )
    timeout_seconds: int = Field(
        default=3600, ge=1, le=604800, description="Seconds until a run is stopped and counts as failed. Default 3600."
    )
    backoff_limit: int = Field(
        default=0, ge=0, le=20, description="How often a failed run is retried before the next is due. Default 0."
    )


PROCESS_RULES: Final = rules(
    (
        "!has(self.replicas) || !has(self.scaling)",
        "processes: give replicas or scaling, not both: with scaling the autoscaler decides the number",
    ),
    (
        "!has(self.singleton) || !self.singleton"
        " || (!has(self.scaling) && (!has(self.replicas) || self.replicas <= 1))",
        "processes: a singleton has one pod at most; remove scaling, and set replicas to 1 or 0",
    ),
    (
        "!has(self.schedule) || !(has(self.port) || has(self.replicas) || has(self.scaling) || has(self.expose)"
        " || has(self.probes) || has(self.metrics) || (has(self.singleton) && self.singleton))",
        "processes: a scheduled process runs and ends: remove port, replicas, scaling, singleton, expose, probes and "
        "metrics, or the schedule",
    ),
    ("!has(self.cron) || has(self.schedule)", "processes: cron says how a scheduled process runs; add schedule"),
    ("!has(self.expose) || has(self.port)", "processes: expose needs a port to lead to; add port"),
    (
        "!has(self.expose) || !has(self.port) || self.port.protocol != 'tcp' || self.expose.type == 'loadBalancer'",
        "processes: a tcp port is exposed by a load balancer only; write expose: {type: loadBalancer}",
    ),
    (
        "!has(self.probes) || has(self.port) || has(self.probes.port)",
        "processes: a process without a port is probed only at probes.port; add it, or remove probes",
    ),
    (
        "!has(self.scratch) || self.scratch.all(path, path.matches('^/[-A-Za-z0-9/._]*$') && path != '/')",
        "processes: scratch maps a folder to its size; write an absolute path, such as /var/cache/app",
    ),
)


class Process(Model):
    """One process type of the formation (factor VIII): a Deployment of identical, stateless pods, or a CronJob."""

    model_config = ConfigDict(json_schema_extra=PROCESS_RULES)

    command: Command = Field(
        description="The program and its arguments, in exec form: no shell, one foreground process.",
    )
    image: str | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        description="An image of its own, built from the same revision; by digest only, and with spec.codebase. "
        "Default spec.image.",
        json_schema_extra=rules(
            (
                f"self.matches('{DIGEST}')",
                "processes: an image of a process's own must be named by digest, such as "
                "registry.example.com/shop/order-web@sha256:..., so that it is known to be of the same revision",
            ),
            IMAGE_NAME_RULE,
        ),
    )
    port: Port | None = Field(
        default=None,
        description="The port the process serves on. Without one the process is a worker: no Service, no probes.",
    )
    replicas: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="How many pods. Default 1. Changing it scales at once and makes no release.",
    )
    scaling: Scaling | None = Field(
        default=None,
        description="Let load decide how many pods. Becomes a HorizontalPodAutoscaler or a KEDA ScaledObject. Changing "
        "it takes effect at once and makes no release.",
    )
    singleton: bool = Field(
        default=False,
        description="Never two pods at a time: the old one ends before the new one starts (strategy Recreate), which "
        "is a gap in service. Default false.",
    )
    schedule: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        pattern=CRON,
        json_schema_extra=CRON_RULES,
        description='Run at these times, as cron writes them: "*/10 * * * *" or @daily. Becomes a CronJob.',
    )
    cron: Cron | None = Field(default=None, description="How a scheduled process runs.")
    probes: Probes | None = Field(default=None, description="How it is probed. Default: by the port's protocol.")
    resources: Resources | None = Field(
        default=None, description="CPU and memory of each pod's container. Default: those of the environment."
    )
    shutdown: Shutdown = Field(
        default_factory=Shutdown,
        description="How the process is stopped.",
        json_schema_extra=rules(
            (
                "!has(self.graceSeconds) || self.graceSeconds > self.preStopSeconds + self.drainSeconds",
                "shutdown.graceSeconds must be greater than preStopSeconds + drainSeconds, or the process is killed "
                "while it drains; raise it, or leave it out for preStop + drain + 5",
            )
        ),
    )
    expose: Expose | None = Field(default=None, description="Reachable from outside the cluster. Default: not.")
    metrics: Metrics | None = Field(
        default=None,
        description="Where it offers metrics. Becomes a PodMonitor, or scrape annotations where none is served.",
    )
    scratch: dict[str, Quantity] = Field(
        default={},
        max_length=8,
        description="Writable folders of the pod's own, path to size, gone with the pod, e.g. /var/cache/app: 256Mi. "
        "Default /tmp: 64Mi, which is always there. Everything else is read-only.",
    )
    node_selector: dict[AnyKey, LabelValue] = Field(
        default={},
        max_length=16,
        description="Labels a node must have. Default none.",
        json_schema_extra=LABEL_KEYS,
    )
    spread: list[LabelKey] | None = Field(
        default=None,
        max_length=4,
        description="Node labels over whose values pods are spread evenly, where possible, e.g. "
        "topology.kubernetes.io/zone. Default: that of the environment, which is kubernetes.io/hostname.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    priority_class_name: ObjectName | None = Field(
        default=None, description="PriorityClass of the pods. Default: the cluster's."
    )

    @property
    def pods(self) -> int:
        """How many pods are wanted, where no autoscaler decides: replicas, else 1."""
        return 1 if self.replicas is None else self.replicas

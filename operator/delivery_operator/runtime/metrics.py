"""What the operator counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from delivery_operator.engine.disposability import STEPS


class Metrics:
    """The operator's metrics, in a registry of their own."""

    def __init__(self) -> None:
        """Register everything."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.reconciles = Counter(
            "delivery_operator_reconciles_total",
            "Reconciles by result: done, retry (the API server did not answer), refused, or bug.",
            ["result"],
            registry=self.registry,
        )
        self.duration = Histogram(
            "delivery_operator_reconcile_seconds", "Duration of a reconcile.", registry=self.registry
        )
        self.writes = Counter(
            "delivery_operator_writes_total",
            "Writes made to the API server, by verb and kind.",
            ["verb", "kind"],
            registry=self.registry,
        )
        self.events = Counter(
            "delivery_operator_events_total",
            "Events by what became of them: posted, refused (by the API server), or dropped (too many waited).",
            ["result"],
            registry=self.registry,
        )
        self.releases = Counter(
            "delivery_operator_releases_total",
            "Releases by what became of them: cut, active, failed or superseded.",
            ["outcome"],
            registry=self.registry,
        )
        self.migrations = Counter(
            "delivery_operator_migrations_total", "Migrations by result.", ["result"], registry=self.registry
        )
        self.tasks = Counter(
            "delivery_operator_tasks_total",
            "Tasks by what became of them: pending (waiting), running, succeeded or failed.",
            ["outcome"],
            registry=self.registry,
        )
        self.pod_starts = Histogram(
            "delivery_operator_pod_start_seconds",
            "Time from the start of a process's container to its pod being ready, of pods that are probed and were not "
            "restarted; in whole seconds.",
            ["namespace"],
            buckets=STEPS,
            registry=self.registry,
        )
        self.pod_stops = Histogram(
            "delivery_operator_pod_shutdown_seconds",
            "Time from the request to end a pod to the end of its process, preStop included, where it is known; in "
            "whole seconds.",
            ["namespace"],
            buckets=STEPS,
            registry=self.registry,
        )
        self.pod_shutdowns = Counter(
            "delivery_operator_pod_shutdowns_total",
            "Pods of processes that are gone after they were asked to end, by result: clean (in time), failed (with an "
            "error, or for want of memory), killed (at the deadline) or unknown. Which process it was is in the "
            "condition ShutdownClean and in the log.",
            ["namespace", "result"],
            registry=self.registry,
        )
        self.queued = Gauge(
            "delivery_operator_queue_length", "Services that wait for a worker.", registry=self.registry
        )
        self.working = Gauge(
            "delivery_operator_workers_busy", "Services that are being reconciled.", registry=self.registry
        )
        self.leader = Gauge(
            "delivery_operator_leader",
            "Whether this replica leads (1) or stands by (0); over all replicas the sum is 1.",
            registry=self.registry,
        )
        self.objects = Gauge("delivery_operator_store_objects", "Objects held in memory.", registry=self.registry)
        self.resyncs = Counter(
            "delivery_operator_resyncs_total",
            "Periodic LISTs of everything, by result.",
            ["result"],
            registry=self.registry,
        )
        self.closed = Gauge(
            "delivery_operator_namespaces_closed",
            "Namespaces in DELIVERY_OPERATOR_NAMESPACES that do not let the operator in: deleted, or without a right "
            "of the chart's Role.",
            registry=self.registry,
        )
        self.drift_repairs = Counter(
            "delivery_operator_drift_repairs_total",
            "Children set back, or made again, after somebody changed or deleted them, by kind.",
            ["kind"],
            registry=self.registry,
        )
        self.corrections = Counter(
            "delivery_operator_resync_corrections_total",
            "Services about which a LIST knew more than the watches had told.",
            registry=self.registry,
        )

"""What every field of a process turns into: one row each."""

from typing import Final

from tests.unit.support.rows import INGRESS, ROUTED, Places, Row, at, web

_SCALED: Final = {"processes.web.scaling": {"min": 2, "max": 5, "cpu": 70}}
_GRPC: Final = {"processes.web.port.protocol": "grpc"}
_METRICS: Final = {"processes.web.metrics": {"port": 9090}}
_PROBES: Final = ("startup", "readiness", "liveness")


def _queue(**fields: object) -> dict[str, object]:
    """A worker that scales by a queue."""
    return {"processes.worker.scaling": {"max": 5, "queue": {"name": "jobs", "addressFrom": "ADDRESS", **fields}}}


def _trigger(*parts: str) -> Places:
    """Parts of the worker's trigger."""
    return at("ScaledObject order-worker", *(f"spec.triggers[0].{part}" for part in parts))


_KAFKA: Final = _queue(type="kafka", consumerGroup="order")

ROWS: Final = (
    # Processes: what they run and serve.
    Row("processes.web.command", ["serve"], web("container.command")),
    Row("processes.web.image", f"registry.example.com/order-web@sha256:{'a' * 64}", web("container.image")),
    Row(
        "processes.web.port.number",
        9000,
        web("container.env[PORT].value", "container.ports[http].containerPort")
        | web(*(f"container.{probe}Probe.httpGet.port" for probe in _PROBES))
        | at("NetworkPolicy order-web", "spec.ingress[0].ports[0].port")
        | at("Service order-service", "spec.ports[http].targetPort"),
    ),
    Row(
        "processes.web.port.protocol",
        "grpc",
        web("container.ports[http]", "container.ports[grpc]")
        | web(*(f"container.{probe}Probe.{how}" for probe in _PROBES for how in ("httpGet", "grpc")))
        | at("Service order-service", "spec.ports[http]", "spec.ports[grpc]"),
    ),
    Row(
        "processes.worker.singleton",
        value=True,
        places=at("Deployment order-worker", "spec.strategy.rollingUpdate", "spec.strategy.type"),
    ),
    Row("processes.web.resources.requests", {"cpu": "1", "memory": "128Mi"}, web("container.resources.requests.cpu")),
    Row("processes.web.resources.limits", {"memory": "1Gi"}, web("container.resources.limits.memory")),
    Row(
        "processes.web.shutdown.preStopSeconds",
        5,
        web("container.lifecycle.preStop.sleep.seconds", "pod.spec.terminationGracePeriodSeconds"),
    ),
    Row(
        "processes.web.shutdown.drainSeconds",
        30,
        web("container.env[SHUTDOWN_DRAIN_SECONDS].value", "pod.spec.terminationGracePeriodSeconds"),
    ),
    Row("processes.web.shutdown.graceSeconds", 60, web("pod.spec.terminationGracePeriodSeconds")),
    Row(
        "processes.web.scratch",
        {"/var/cache": "1Gi"},
        web("container.volumeMounts[scratch-74b95d9b]", "pod.spec.volumes[scratch-74b95d9b]"),
    ),
    Row("processes.web.nodeSelector", {"disk": "ssd"}, web("pod.spec.nodeSelector")),
    Row(
        "processes.web.spread",
        ["topology.kubernetes.io/zone"],
        web("pod.spec.topologySpreadConstraints[0].topologyKey"),
    ),
    Row("processes.web.priorityClassName", "high", web("pod.spec.priorityClassName")),
    # Processes: how many.
    Row(
        "processes.web.replicas",
        3,
        web("spec.replicas") | {"PodDisruptionBudget order-web"},
        at_once=True,
    ),
    *(
        Row(
            f"processes.web.scaling.{bound}",
            4,
            at("HorizontalPodAutoscaler order-web", f"spec.{bound}Replicas"),
            _SCALED,
            at_once=True,
        )
        for bound in ("min", "max")
    ),
    Row(
        "processes.web.scaling.cpu",
        50,
        at("HorizontalPodAutoscaler order-web", "spec.metrics[0].resource.target.averageUtilization"),
        _SCALED,
        at_once=True,
    ),
    Row(
        "processes.web.scaling.memory",
        60,
        at("HorizontalPodAutoscaler order-web", "spec.metrics[1]"),
        _SCALED,
        at_once=True,
    ),
    Row(
        "processes.worker.scaling.queue.type",
        "rabbitmq",
        _trigger("type")
        | _trigger(*(f"metadata.{part}" for part in ("addressFromEnv", "listName", "listLength")))
        | _trigger(*(f"metadata.{part}" for part in ("hostFromEnv", "queueName", "mode", "value"))),
        _queue(type="redis"),
        at_once=True,
    ),
    *(
        Row(f"processes.worker.scaling.queue.{name}", value, _trigger(f"metadata.{part}"), _KAFKA, at_once=True)
        for name, value, part in (
            ("name", "tasks", "topic"),
            ("consumerGroup", "orders", "consumerGroup"),
            ("addressFrom", "BROKERS", "bootstrapServersFromEnv"),
            ("target", 10, "lagThreshold"),
        )
    ),
    Row(
        "processes.worker.scaling.queue.passwordFrom",
        "PASSWORD",
        _trigger("metadata.passwordFromEnv"),
        _queue(type="redis"),
        at_once=True,
    ),
    # Processes: when they run, how they are asked and reached.
    Row("processes.sweep.schedule", "@hourly", at("CronJob order-sweep", "spec.schedule")),
    Row("processes.sweep.cron.timeZone", "Europe/Berlin", at("CronJob order-sweep", "spec.timeZone")),
    Row("processes.sweep.cron.concurrency", "allow", at("CronJob order-sweep", "spec.concurrencyPolicy")),
    Row(
        "processes.sweep.cron.timeoutSeconds",
        60,
        at("CronJob order-sweep", "spec.jobTemplate.spec.activeDeadlineSeconds")
        | at("PrometheusRule order", "spec.groups[delivery.shop.order].rules[3].for"),
    ),
    Row("processes.sweep.cron.backoffLimit", 2, at("CronJob order-sweep", "spec.jobTemplate.spec.backoffLimit")),
    Row(
        "processes.worker.probes.port",
        9000,
        at("Deployment order-worker", *(f"container.{probe}Probe" for probe in _PROBES)),
    ),
    Row(
        "processes.web.probes.protocol",
        "tcp",
        web(*(f"container.{probe}Probe.{how}" for probe in _PROBES for how in ("httpGet", "tcpSocket"))),
    ),
    *(
        Row(f"processes.web.probes.{probe}.{name}", value, web(f"container.{probe}Probe{part}"), given)
        for probe in _PROBES
        for name, value, part, given in (
            ("enabled", False, "", {}),
            ("path", "/up", ".httpGet.path", {}),
            ("service", "up", ".grpc.service", _GRPC),
            ("periodSeconds", 7, ".periodSeconds", {}),
            ("timeoutSeconds", 8, ".timeoutSeconds", {}),
            ("failureThreshold", 9, ".failureThreshold", {}),
        )
    ),
    Row(
        "processes.web.expose.type",
        "loadBalancer",
        at("Service order-service", "spec.type") | at("NetworkPolicy order-web", "spec.ingress[0].from"),
    ),
    Row(
        "processes.web.expose.host",
        "shop.example.com",
        web("container.env[PUBLIC_HOST].value") | at("Ingress order-web", "spec.rules[0].host"),
        ROUTED,
        INGRESS,
    ),
    Row(
        "processes.web.expose.path", "/v1", at("Ingress order-web", "spec.rules[0].http.paths[0].path"), ROUTED, INGRESS
    ),
    Row("processes.web.expose.tlsSecret", "order-tls", at("Ingress order-web", "spec.tls"), ROUTED, INGRESS),
    Row(
        "processes.web.metrics.port",
        9090,
        web("container.env[METRICS_PORT]", "container.ports[metrics]")
        | at("NetworkPolicy order-web", "spec.ingress[1]")
        | {"PodMonitor order-web"},
    ),
    Row(
        "processes.web.metrics.path",
        "/stats",
        at("PodMonitor order-web", "spec.podMetricsEndpoints[0].path"),
        _METRICS,
    ),
)

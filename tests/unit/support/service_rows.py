"""What every field of a DeliveryService but those of its processes turns into: one row each."""

from typing import Final

from tests.unit.support.rows import COLLECTOR, Row, at, env, everywhere, pods, reference, web

_IMPORTS: Final = {"configFrom": [{"name": "extra", "secret": "extra"}, {"name": "flags", "configMap": "flags"}]}
_FILES: Final = {"backingServices.0.files": True}
_POOL: Final[dict[str, object]] = {"backingServices.0.pool": {}}
_SENTRY: Final = {"sentry": {"name": "sentry", "key": "dsn"}}
_CALLERS: Final = {"network.callers": [{"service": "shop"}]}
_CALLS: Final = {"network.calls": [{"service": "ledger"}]}
_DESTINATIONS: Final = {"network.destinations": [{"cidr": "10.0.0.0/8", "ports": [443]}]}
_POLICY: Final = "NetworkPolicy order-service"
_CALLER: Final = "spec.ingress[0].from[0]"
_CALLED: Final = "spec.egress[2].to[0]"
_ONE_OFFS: Final = (("release.migrate", False), ("release.contract", False), ("tasks.seed", True))

ROWS: Final = (
    Row(
        "environment",
        "lab",
        env("DELIVERY_ENVIRONMENT", "OTEL_RESOURCE_ATTRIBUTES")
        | everywhere("metadata.labels.delivery.dev/environment"),
    ),
    Row(
        "codebase.repository",
        "https://git.example.com/shop/orders",
        everywhere("metadata.annotations.delivery.dev/repository"),
    ),
    Row(
        "codebase.revision",
        "v1.0.1",
        env("DELIVERY_REVISION", "OTEL_RESOURCE_ATTRIBUTES")
        | everywhere("metadata.annotations.delivery.dev/revision", "metadata.labels.app.kubernetes.io/version"),
    ),
    Row("image", "registry.example.com/shop/order:v1.0.1", pods("container.image")),
    Row("imagePullSecrets", ["registry"], pods("pod.spec.imagePullSecrets")),
    # Config.
    Row("config.MODE.value", "test", at("ConfigMap order-config", "data.MODE")),
    *(
        Row(f"config.KEY.secretKeyRef.{part}", "other", reference("KEY", "secretKeyRef", part))
        for part in ("name", "key")
    ),
    *(
        Row(f"config.FLAG.configMapKeyRef.{part}", "other", reference("FLAG", "configMapKeyRef", part))
        for part in ("name", "key")
    ),
    Row("config.KEY.optional", value=True, places=reference("KEY", "secretKeyRef", "optional")),
    Row(
        "configFrom.0.name",
        "last",
        pods(*(f"container.envFrom[{place}].{kind}" for place in (0, 1) for kind in ("secretRef", "configMapRef"))),
        _IMPORTS,
    ),
    Row("configFrom.0.secret", "other", pods("container.envFrom[0].secretRef.name"), _IMPORTS),
    Row("configFrom.1.configMap", "other", pods("container.envFrom[1].configMapRef.name"), _IMPORTS),
    Row("configFrom.0.prefix", "EXTRA_", pods("container.envFrom[0].prefix"), _IMPORTS),
    Row("configFrom.0.optional", value=True, places=pods("container.envFrom[0].secretRef.optional"), given=_IMPORTS),
    # Backing services.
    Row(
        "backingServices.0.name",
        "store",
        pods(
            *(
                f"{place}{name}{end}"
                for name in ("db", "store")
                for place, end in (
                    ("container.volumeMounts[binding-", "]"),
                    ("pod.spec.volumes[binding-", "]"),
                    ("pod.metadata.annotations.delivery.dev/binding-type.", ""),
                )
            )
        ),
        _FILES,
    ),
    Row(
        "backingServices.0.type",
        "mysql",
        pods("pod.metadata.annotations.delivery.dev/binding-type.db") | at(_POLICY, "spec.egress[1].ports[0].port"),
        _FILES,
    ),
    Row("backingServices.0.secret", "other", reference("DATABASE_URL", "secretKeyRef", "name")),
    Row("backingServices.0.env", {"DB_URL": "url"}, pods("container.env[DATABASE_URL]", "container.env[DB_URL]")),
    Row(
        "backingServices.0.files",
        value=True,
        places=pods(
            "container.env[SERVICE_BINDING_ROOT]",
            "container.volumeMounts[binding-db]",
            "pod.spec.volumes[binding-db]",
            "pod.metadata.annotations.delivery.dev/binding-type.db",
        ),
    ),
    Row("backingServices.0.pool.maxOpen", 10, env("DB_POOL_MAX_OPEN"), _POOL),
    Row("backingServices.0.pool.maxIdle", 10, env("DB_POOL_MAX_IDLE"), _POOL),
    Row("backingServices.0.pool.maxLifetimeSeconds", 10, env("DB_POOL_MAX_LIFETIME_SECONDS"), _POOL),
    Row("backingServices.0.port", 6432, at(_POLICY, "spec.egress[1].ports[0].port")),
    # One-off processes.
    *(
        Row(
            f"{one_off}.{name}",
            value,
            at(f"Job {one_off.split('.')[1].replace('seed', 'task')}", part),
            at_once=at_once,
        )
        for one_off, at_once in _ONE_OFFS
        for name, value, part in (
            ("command", ["other"], "container.command"),
            ("timeoutSeconds", 60, "spec.activeDeadlineSeconds"),
            ("backoffLimit", 1, "spec.backoffLimit"),
            ("resources.requests", {"cpu": "1", "memory": "128Mi"}, "container.resources.requests.cpu"),
            ("resources.limits", {"memory": "1Gi"}, "container.resources.limits.memory"),
        )
    ),
    Row(
        "release.progressDeadlineSeconds",
        120,
        web("spec.progressDeadlineSeconds") | at("Deployment order-worker", "spec.progressDeadlineSeconds"),
        at_once=True,
    ),
    # What it tells, who it is, and whom it talks to.
    Row(
        "tracing.enabled",
        value=False,
        places=pods(
            *(
                f"container.env[{name}]"
                for name in ("OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG")
            )
        )
        | at(_POLICY, "spec.egress[1].ports[0].port", "spec.egress[1].ports[1]"),
        environment=COLLECTOR,
    ),
    Row("tracing.samplePercent", 25, env("OTEL_TRACES_SAMPLER_ARG"), environment=COLLECTOR),
    *(
        Row(f"sentry.{part}", "other", reference("SENTRY_DSN", "secretKeyRef", part), _SENTRY)
        for part in ("name", "key")
    ),
    Row("serviceAccount.annotations", {"a": "ours"}, at("ServiceAccount order", "metadata.annotations.a")),
    Row(
        "network.callers.0.service",
        "gate",
        at("NetworkPolicy order-web", f"{_CALLER}.podSelector.matchLabels.delivery.dev/service"),
        _CALLERS,
    ),
    Row("network.callers.0.namespace", "edge", at("NetworkPolicy order-web", f"{_CALLER}.namespaceSelector"), _CALLERS),
    Row(
        "network.calls.0.service",
        "fraud",
        at(_POLICY, f"{_CALLED}.podSelector.matchLabels.delivery.dev/service"),
        _CALLS,
    ),
    Row("network.calls.0.namespace", "risk", at(_POLICY, f"{_CALLED}.namespaceSelector"), _CALLS),
    Row("network.destinations.0.cidr", "10.1.0.0/16", at(_POLICY, f"{_CALLED}.ipBlock.cidr"), _DESTINATIONS),
    Row("network.destinations.0.ports", [8443], at(_POLICY, "spec.egress[2].ports[0].port"), _DESTINATIONS),
)

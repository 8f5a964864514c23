"""The kinds of objects the operator handles and the verbs it uses on each; the chart's RBAC is held against it."""

from dataclasses import dataclass
from typing import Final

from delivery_operator.api import environment, release, service, task
from delivery_operator.api.base import GROUP, VERSION
from delivery_operator.render import platform

_READ: Final = frozenset({"get", "list", "watch"})
_OWN: Final = _READ | {"create", "patch", "delete"}


@dataclass(frozen=True)
class Resource:
    """One kind and how it is reached.

    Attributes:
        verbs: what the operator does with it, as RBAC names it.
        status_verbs: what it does with its status subresource.
        labelled: whether only objects that carry the service label are watched and listed.
        namespaced: whether its objects live in namespaces.
        optional: whether a cluster may lack it; it is used where it is served.
    """

    group: str
    version: str
    plural: str
    kind: str
    verbs: frozenset[str]
    status_verbs: frozenset[str] = frozenset()
    labelled: bool = True
    namespaced: bool = True
    optional: bool = False

    @property
    def api_version(self) -> str:
        """Group and version as objects carry them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """URL path of the collection, or of one object or its subresource; a cluster-scoped kind has no namespace."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if namespace is not None and self.namespaced:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part is not None]
        return "/".join(parts)


SERVICES: Final = Resource(
    GROUP, VERSION, service.PLURAL, service.KIND, _READ, status_verbs=frozenset({"patch"}), labelled=False
)
RELEASES: Final = Resource(
    GROUP,
    VERSION,
    release.PLURAL,
    release.KIND,
    _OWN,
    status_verbs=frozenset({"patch"}),
    labelled=False,
)
TASKS: Final = Resource(
    GROUP,
    VERSION,
    task.PLURAL,
    task.KIND,
    _READ | {"delete"},
    status_verbs=frozenset({"patch"}),
    labelled=False,
)
ENVIRONMENTS: Final = Resource(
    GROUP,
    VERSION,
    environment.PLURAL,
    environment.KIND,
    _READ,
    status_verbs=frozenset({"patch"}),
    labelled=False,
    namespaced=False,
)
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment", _OWN)
JOBS: Final = Resource("batch", "v1", "jobs", "Job", _READ | {"create", "patch", "delete"})
NETWORK_SERVICES: Final = Resource("", "v1", "services", "Service", _OWN)
CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap", _OWN)
SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount", _OWN)
DISRUPTION_BUDGETS: Final = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", _OWN)
CRON_JOBS: Final = Resource("batch", "v1", "cronjobs", "CronJob", _OWN)
AUTOSCALERS: Final = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", _OWN)
INGRESSES: Final = Resource("networking.k8s.io", "v1", "ingresses", "Ingress", _OWN)
NETWORK_POLICIES: Final = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", _OWN)
PODS: Final = Resource("", "v1", "pods", "Pod", frozenset({"list", "watch"}))
SECRETS: Final = Resource("", "v1", "secrets", "Secret", _READ, labelled=False)
LEASES: Final = Resource(
    "coordination.k8s.io", "v1", "leases", "Lease", _READ | {"create", "update", "delete"}, labelled=False
)
"""Of the operator's own namespace: who leads, and who changes a database. None of a service's, so not in the table."""
EVENTS: Final = Resource("", "v1", "events", "Event", frozenset({"get", "create", "patch"}), labelled=False)


def _optional(api_version: str, plural: str, kind: str) -> Resource:
    group, version = api_version.split("/")
    return Resource(group, version, plural, kind, _OWN, optional=True)


OPTIONAL: Final = (
    _optional(platform.GATEWAY, "httproutes", "HTTPRoute"),
    _optional(platform.GATEWAY, "grpcroutes", "GRPCRoute"),
    _optional(platform.KEDA, "scaledobjects", "ScaledObject"),
    _optional(platform.MONITORING, "podmonitors", "PodMonitor"),
    _optional(platform.MONITORING, "prometheusrules", "PrometheusRule"),
)
"""Kinds of other projects: listed and watched while the cluster serves them."""

STORED: Final = (
    SERVICES,
    RELEASES,
    TASKS,
    ENVIRONMENTS,
    DEPLOYMENTS,
    JOBS,
    NETWORK_SERVICES,
    CONFIG_MAPS,
    SERVICE_ACCOUNTS,
    DISRUPTION_BUDGETS,
    CRON_JOBS,
    AUTOSCALERS,
    INGRESSES,
    NETWORK_POLICIES,
    PODS,
)
"""What the store holds on every cluster, watched whole; of others' ConfigMaps and Secrets only metadata is."""

REFERENCED: Final = (SECRETS, CONFIG_MAPS)
"""What a service may take values from: watched by metadata, read one by one when referenced."""

RESOURCES: Final = (*STORED, *OPTIONAL, SECRETS, EVENTS)
BY_KIND: Final = {resource.kind: resource for resource in (*RESOURCES, LEASES)}

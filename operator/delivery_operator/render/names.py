"""Names of children, labels and annotations: the one place that spells them."""

from typing import Final

from delivery_operator.api.base import GROUP

MANAGER: Final = "delivery-operator"
"""Field manager of server-side apply, and the value of app.kubernetes.io/managed-by."""

# Selector labels, as the platform's documents have them (F5-9); never changed once a Deployment exists.
APP: Final = "app"
TIER: Final = "tier"

SERVICE: Final = f"{GROUP}/service"
"""Label: name of the DeliveryService. Narrows the operator's watches, and leads from a child back to its service."""
PROCESS: Final = f"{GROUP}/process"
RELEASE: Final = f"{GROUP}/release"
"""Label of children and pods: number of the release that made them."""
ROLE: Final = f"{GROUP}/role"
"""Label of Jobs: what they do (migrate, contract, task)."""
ENVIRONMENT: Final = f"{GROUP}/environment"
"""Label of every child, and so of its pods: for collectors of logs and metrics (F11-3)."""
REVISION: Final = f"{GROUP}/revision"
REPOSITORY: Final = f"{GROUP}/repository"
REPLICAS: Final = f"{GROUP}/replicas"
"""Annotation of a Deployment whose number of pods an autoscaler decides; the value is `AUTOSCALED`."""
AUTOSCALED: Final = "autoscaled"
SCALE_MANAGER: Final = f"{MANAGER}-scale"
"""Field manager that keeps a Deployment's replicas from the day they are an autoscaler's until it first sets them."""
RETRY: Final = f"{GROUP}/retry"
"""Annotation of a DeliveryService: name of the failed release that is to be tried again."""
FORCE_ROLLBACK: Final = f"{GROUP}/force-rollback"
"""Annotation of a DeliveryService: name of the release that may come back although a contract step has run since."""
RESUMED: Final = f"{GROUP}/resumed"
"""Annotation of a Job: set in the write that let it run, so that one which somebody suspends later is left alone."""
HOLDER_NAMESPACE: Final = f"{GROUP}/holder-namespace"
HOLDER_UID: Final = f"{GROUP}/holder-uid"
"""Labels of a database's Lease, beside those of the service and the release number: whose it is."""
BINDING_TYPE: Final = f"{GROUP}/binding-type"
"""Annotation of pods, with `.<binding>`: the binding's type, from where the file `type` is taken."""
MANIFEST: Final = f"{GROUP}/manifest"
"""Annotation: digest of the manifest last applied; a field dropped since then shows as a difference here."""

WEB: Final = "web"
MIGRATE: Final = "migrate"
CONTRACT: Final = "contract"
TASK: Final = "task"


def deployment(service: str, process: str) -> str:
    """Name of a process's Deployment or CronJob, and of what goes with it (F5-9, F8-1)."""
    return f"{service}-{process}"


def network_service(service: str, process: str) -> str:
    """Name of a process's Service: `order-service` for web, `order-<process>` for others (F7-4, F7-8)."""
    return f"{service}-service" if process == WEB else deployment(service, process)


def service_policy(service: str) -> str:
    """Name of the NetworkPolicy of all of a service's pods; no process can be called `service`."""
    return f"{service}-service"


def config_map(service: str, digest: str) -> str:
    """Name of the immutable ConfigMap of a release's literals; equal content has an equal name."""
    return f"{service}-config-{digest[:10]}"


def release(service: str, number: int) -> str:
    """Name of a release: deterministic, so that a stale cache meets AlreadyExists and not a second release."""
    return f"{service}-r{number}"


def job(service: str, number: int, role: str) -> str:
    """Name of a release's Job: carries the number, since a Job's template is immutable (W-4)."""
    return f"{release(service, number)}-{role}"

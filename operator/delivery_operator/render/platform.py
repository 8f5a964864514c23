"""What the cluster and its platform team add to what a service says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from delivery_operator.api.environment import DeliveryEnvironmentSpec

KEDA: Final = "keda.sh/v1alpha1"
GATEWAY: Final = "gateway.networking.k8s.io/v1"
MONITORING: Final = "monitoring.coreos.com/v1"

OPTIONAL: Final = (GATEWAY, KEDA, MONITORING)
"""API versions that a cluster may or may not serve, and that the templates use where it does."""


@dataclass(frozen=True)
class Platform:
    """Everything beside the service itself that its manifests depend on.

    Attributes:
        environment: the DeliveryEnvironment the service names; the built-in defaults when it names "default" and there
            is none.
        served: those of `OPTIONAL` that the cluster serves.
        bindings: name of each backing service with a provisioned service to the Secret that its status names.
    """

    environment: DeliveryEnvironmentSpec = field(default_factory=DeliveryEnvironmentSpec)
    served: frozenset[str] = frozenset()
    bindings: Mapping[str, str] = field(default_factory=dict)

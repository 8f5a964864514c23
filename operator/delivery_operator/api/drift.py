"""What is done about children that somebody changed (OP-5, invariant 7)."""

from enum import StrEnum
from typing import Final

from pydantic import Field

from delivery_operator.api.base import Model, rules

KINDS: Final = (
    "ConfigMap",
    "CronJob",
    "Deployment",
    "GRPCRoute",
    "HTTPRoute",
    "HorizontalPodAutoscaler",
    "Ingress",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "PodMonitor",
    "PrometheusRule",
    "ScaledObject",
    "Service",
    "ServiceAccount",
)
"""Kinds of what is applied for a service and kept in line."""


class DriftMode(StrEnum):
    """What is done about a field of ours that somebody else changed."""

    REPAIR = "repair"
    WARN = "warn"
    OFF = "off"


class DriftPolicy(Model):
    """What is done about fields of the operator that somebody else changed in what runs."""

    mode: DriftMode = Field(
        default=DriftMode.REPAIR,
        description="repair (default): set it back, and say in an Event what was changed and by whom. warn: leave it, "
        "and say so in the condition InSync. off: leave it, and say nothing. What the operator itself has to change, a "
        "release or the number of pods, is written in every mode, and an object that was deleted comes back.",
    )
    kinds: dict[str, DriftMode] = Field(
        default={},
        max_length=len(KINDS),
        description="Another mode for some kinds, e.g. NetworkPolicy: warn. Default: mode holds for all.",
        json_schema_extra=rules(
            (
                f"self.all(k, k in [{', '.join(repr(kind) for kind in KINDS)}])",
                f"drift.kinds: the operator keeps no such kind in line; use some of {', '.join(KINDS)}",
            ),
        ),
    )

    def of(self, kind: str) -> DriftMode:
        """The mode that holds for a kind."""
        return self.kinds.get(kind, self.mode)

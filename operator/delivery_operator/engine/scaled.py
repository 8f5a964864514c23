"""What scales a release: made when it is cut, and made anew only when the spec asks for something else.

How many pods there are takes effect at once and makes no release; so autoscalers and disruption budgets are not those
of the release alone. But they are not made with every look either: with the templates of the day an upgrade of the
operator would write one to every service of a fleet (invariant 2). So they are kept with what they were made for: in
the release as it was cut, and in its status once the spec asked for something else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.api.process import Process
from delivery_operator.engine.objects import labels
from delivery_operator.render import names
from delivery_operator.render.manifests import Manifest, pack
from delivery_operator.render.platform import KEDA, Platform

SCALERS: Final = frozenset({"HorizontalPodAutoscaler", "ScaledObject"})
SCALING: Final = SCALERS | {"PodDisruptionBudget"}
"""Kinds that follow the spec of today, whatever release runs."""


@dataclass(frozen=True)
class Scaled:
    """What scales the processes of a release.

    Attributes:
        asked: what each process was asked to have, see `asked`.
        manifests: what was made of that.
    """

    asked: Mapping[str, Any]
    manifests: Sequence[Manifest]

    def of(self, processes: frozenset[str]) -> list[Manifest]:
        """Pick the manifests of some processes."""
        return [each for each in self.manifests if labels(each).get(names.PROCESS) in processes]

    def record(self) -> dict[str, Any]:
        """Write it as a release's status keeps it."""
        return {"asked": self.asked, "manifests": pack(self.manifests)}


def asked(processes: Mapping[str, Process], platform: Platform) -> dict[str, Any]:
    """Say what each process is asked to have: its number of pods or its bounds, and whether a queue is measured."""
    return {name: _asked(process, platform) for name, process in processes.items()}


def merged(held: Scaled, made: Scaled) -> Scaled:
    """Take of what is made anew only the processes that are asked for something else than is held."""
    changed = frozenset(name for name, wanted in made.asked.items() if held.asked.get(name) != wanted)
    kept = frozenset(held.asked) - changed
    manifests = sorted([*made.of(changed), *held.of(kept)], key=lambda each: labels(each)[names.PROCESS])
    return Scaled({**held.asked, **made.asked}, manifests)


def _asked(process: Process, platform: Platform) -> dict[str, Any]:
    found = process.model_dump(mode="json", by_alias=True, exclude_defaults=True, include={"replicas", "scaling"})
    by_queue = process.scaling is not None and process.scaling.queue is not None
    return {**found, "queueMeasured": KEDA in platform.served} if by_queue else found

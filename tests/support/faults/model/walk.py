"""A walk through specs in the model: admission decides first, as the API server would, then the engine."""

from collections import Counter
from typing import Any

from delivery_operator.admission.validate import complete, validate
from delivery_operator.api.base import API_VERSION
from delivery_operator.api.reasons import STANDING
from delivery_operator.api.service import KIND, DeliveryServiceSpec
from delivery_operator.engine.references import uses
from tests.support.faults.steps import Step, home
from tests.support.kube import Object
from tests.unit.support.world import World


class Walk:
    """One service on its way. Every step asserts what must hold after it."""

    def __init__(self) -> None:
        self.went: Counter[str] = Counter()
        self.world = World(_completed(home()))
        self._give(home())
        self.world.run()
        assert self.world.said("Ready") == ("True", "Serving")
        self._home = self._runs()

    def step(self, step: Step) -> None:
        """Ask for another spec: it is refused with its cause, or reached, or the status tells what is in its way."""
        problems = validate({"apiVersion": API_VERSION, "kind": KIND, "metadata": _METADATA, "spec": step.spec})
        if problems:
            assert all(str(each).strip() for each in problems)
            self.went["refused"] += 1
            return
        before = self._runs()
        spec = _completed(step.spec)
        self.world.contents.clear()
        self._give(home())
        if step.given:
            self._give(spec)
        self.world.replace_spec(spec)
        self.world.run()
        assert self.world.plan().writes == ()
        status, reason = self.world.said("Ready")
        if reason == "Paused":
            self.went["paused"] += 1
        elif status == "True":
            processes = spec["processes"].items()
            expected = {f"order-{name}" for name, each in processes if "schedule" not in each}
            assert set(self.world.of_kind("Deployment")) == expected
            assert self.world.phases()[max(self.world.phases())] == "Active"
            self.went["reached"] += 1
        else:
            assert STANDING[reason].severity is not None, f"{reason} is no cause"
            assert self.world.condition("Ready")["message"]
            assert reason != "TemplateInvalid", self.world.condition("Ready")["message"]
            assert self._runs() == before, "the last good release no longer serves as it did"
            self.went["told why not"] += 1

    def revert(self) -> None:
        """Go back to the first spec: all is as it was."""
        self.world.contents.clear()
        self._give(home())
        self.world.replace_spec(_completed(home()))
        self.world.run()
        assert self.world.said("Ready") == ("True", "Serving")
        assert self._runs() == self._home
        self.went["reverted"] += 1

    def _give(self, spec: Object) -> None:
        """Make what a spec refers to."""
        parsed = DeliveryServiceSpec.model_validate(spec)
        bound = {each.name: f"of-{each.name}" for each in parsed.backing_services if each.provisioned_service}
        self.world.bind(**bound)
        for use in uses(parsed, bound):
            self.world.contents.setdefault(use.reference, {"any": "value"})[use.key or "any"] = "value"

    def _runs(self) -> dict[str, Any]:
        """What the pods of each process run, whichever release it is."""
        return {
            name: {**body["spec"]["template"]["spec"], "labels": _unnumbered(body["spec"]["template"]["metadata"])}
            for name, body in self.world.of_kind("Deployment").items()
        }


_METADATA = {"name": "order", "namespace": "shop"}


def _completed(spec: Object) -> Object:
    body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": _METADATA, "spec": spec}
    found: Object = complete(body)["spec"]
    return found


def _unnumbered(metadata: Object) -> Object:
    return {name: value for name, value in metadata["labels"].items() if name != "delivery.dev/release"}

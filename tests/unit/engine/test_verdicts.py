"""Flux and Argo CD understand every state of a service as it is meant, by their own rules (OP-4, invariant 11).

Meant is: what they take for done stays so when nobody acts; what they take for failed does not mend itself; and what
they wait for comes to an end by itself, unless something outside is missing.
"""

from copy import deepcopy

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import invariant, rule

from delivery_operator.api.crd import DEFINITIONS, crd
from tests.support.verdicts import argocd, kstatus
from tests.unit.engine.test_machine import Walk
from tests.unit.support import builders
from tests.unit.support.world import SECRET, World

SAME = {"Current": "Healthy", "InProgress": "Progressing", "Failed": "Degraded"}


def agreed(world: World) -> str:
    """What kstatus says, after Argo CD has said the same."""
    verdict = kstatus(world.service)
    said, message = argocd(world.service)
    if world.service["spec"].get("paused"):
        assert said == "Suspended"
        return verdict
    assert said == SAME[verdict], world.service["status"]
    assert message
    return verdict


class Judged(Walk):
    """The walks of test_machine, with a look at each state as Flux and Argo CD look at it."""

    @invariant()
    def they_agree(self) -> None:
        if hasattr(self, "world"):
            agreed(self.world)

    @rule()
    def wait_and_see(self) -> None:
        """Let all happen that happens by itself: a Job ends well, pods come. What was said must have been true."""
        self.world.settle()
        before = agreed(self.world)
        bundle = self.world.bundle
        later = deepcopy(self.world, {id(bundle): bundle})
        later.run()
        after = agreed(later)
        paused = self.world.service["spec"].get("paused")
        waits = self.world.obstacle or SECRET not in self.world.contents or paused
        if before == "InProgress":
            assert after != "InProgress" or waits or "url" not in self.world.contents[SECRET], later.status
        else:
            assert after == before, self.world.status


Judged.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    report_multiple_bugs=False,
    phases=(Phase.reuse, Phase.generate),  # to make a walk shorter takes minutes, and its steps tell enough
)
TestJudged = pytest.mark.timeout(420)(Judged.TestCase)


@pytest.mark.parametrize("kind", ["DeliveryService", "DeliveryEnvironment"])
def test_a_new_object_is_not_taken_for_one_that_is_ready(kind: str) -> None:
    """kstatus takes an object that tells nothing for ready, and Flux would go on before the operator has seen it."""
    (definition,) = [each for each in DEFINITIONS if each.kind == kind]
    status = crd(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert kstatus({"metadata": {"generation": 1}, "status": status["default"]}) == "InProgress"
    assert kstatus({"metadata": {"generation": 1}}) == "Current"


def test_a_new_spec_is_waited_for() -> None:
    world = World(builders.spec())
    assert agreed(world) == "InProgress"
    world.run()
    assert agreed(world) == "Current"
    world.edit(image=builders.NEXT_IMAGE)
    assert agreed(world) == "InProgress"


def test_a_service_that_is_being_deleted_is_left_to_its_end() -> None:
    world = World(builders.spec())
    metadata = {**world.service["metadata"], "deletionTimestamp": "2026-03-01T12:00:00Z"}
    assert kstatus({**world.service, "metadata": metadata}) == "Terminating"

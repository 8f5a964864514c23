"""One run of a scenario in the model: acts, controllers and the operator in turn, with at most one fault."""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.api.service import KIND as SERVICE
from delivery_operator.engine.decide import decide
from delivery_operator.engine.objects import Key
from delivery_operator.engine.plan import Plan, Write
from delivery_operator.engine.snapshot import Refusal
from tests.support.faults.model.controllers import Controllers
from tests.support.faults.model.faults import Fault, RefusedWrite, Unserved
from tests.support.faults.model.scenarios import Act, Scenario
from tests.support.picture import normal
from tests.unit.support.world import Killed, World

MOST_MOVES: Final = 200
MOST_PLANS: Final = 25
PATIENCE_SECONDS: Final = 10.0
"""What the operator wants to look at again sooner is waited for; what comes later does not belong to a scenario."""


class NoRest(Exception):
    """A run goes on and on."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    picture: dict[str, Any]
    jobs: Counter[str]
    started: Counter[tuple[str, int]]
    pods_lost: bool


class Run:
    """A scenario under way. Counts from its first act on, when what was before it has come to rest."""

    def __init__(self, scenario: Scenario) -> None:
        self.world = World(scenario.spec)
        self.scenario = scenario
        self.controllers = Controllers(scenario.exits, scenario.stuck)
        self.fault = Fault()
        self.begin(self.fault)
        if scenario.before:
            self._play(scenario.before)
            self.begin(self.fault)

    def begin(self, fault: Fault) -> None:
        """Count from here, and let this fault strike."""
        self.fault = fault
        self.writes = self.decisions = self.moves = 0
        self.news: list[set[Key]] = []
        """For each decision, the objects whose news it was the first to know."""
        self.story: list[str] = []
        # What faults remember.
        self.past: tuple[Key, dict[str, Any] | None] | None = None
        self.unheard: Key | None = None
        self.on_its_way: Write | None = None
        self.held_since: int | None = None

    def copy(self) -> "Run":
        """Another run from here on."""
        return deepcopy(self, {id(each): each for each in (self.world.bundle, self.scenario, self.controllers)})

    def play(self) -> Outcome:
        """Play the scenario's acts, until nothing is left to do."""
        self._play(self.scenario.acts)
        world = self.world
        found = {
            f"{kind} {name}": normal(body, "shop", keep_status=kind.startswith("Delivery"))
            for (kind, name), body in sorted(world.objects.items())
            if kind != "Pod"
        }
        jobs = Counter({each.split()[1]: 0 for each in world.jobs})
        for each, times in world.jobs.items():
            jobs[each.split()[1]] += times
        return Outcome(found, jobs, world.started, world.pods_lost)

    def _play(self, acts: tuple[Act, ...]) -> None:
        left = list(acts)
        for _ in range(MOST_MOVES):
            again = 0.0 if self.fault.away(self.moves) else self._reconcile()
            if left and left[0].when is not None and left[0].when(self.world):
                step = self._act(left)
            else:
                step = self.controllers.step(self.world)
            if not step and self.fault.late(self):
                step = "a write that was given up arrives"
            if not step and again is not None and again <= PATIENCE_SECONDS:
                self.world.tick(again or 1)
                step = "time passes"
            if not step and left and left[0].when is None:
                step = self._act(left)
            if not step:
                assert not left, f"{left[0]} never came"
                return
            self.moves += 1
            self.story.append(f"{self.moves}. {step}")
        raise NoRest("\n".join(self.story))

    def _act(self, left: list[Act]) -> str:
        act = left.pop(0)
        act.do(self.world)
        return act.about

    def _reconcile(self) -> float | None:
        """As runtime/reconcile.py: decide and write until nothing is left; seconds until it wants to look again."""
        for _ in range(MOST_PLANS):
            try:
                plan = self._plan()
                if not plan.writes:
                    return plan.look_again_after
                self._act_on(plan)
            except Killed:
                self.story.append("   killed")
                self.world.cache.clear()
            except RefusedWrite as refused:
                self.story.append(f"   refused: {' '.join(refused.target)}")
                self._act_on(self._decide(Refusal(refused.target, str(refused))))
                return 0.0
            except Unserved:
                self.story.append("   not served")
                return 0.0
        raise NoRest("\n".join([*self.story, *self.world.log[-MOST_PLANS:]]))

    def _plan(self) -> Plan:
        self.decisions += 1
        seen = self.world.cache
        behind = {each for each in {*seen, *self.world.objects} if seen.get(each) != self.world.objects.get(each)}
        self.news.append(behind)
        self.fault.look(self)
        return self._decide(None)

    def _decide(self, refusal: Refusal | None) -> Plan:
        if (SERVICE, "order") not in self.world.cache:
            return Plan()
        return decide(self.world.snapshot(refusal))

    def _act_on(self, plan: Plan) -> None:
        for write in plan.writes:
            self.writes += 1
            before = len(self.world.log)
            made = self.fault.make(self, write)
            self.story += [f"   {self.writes} {each}" for each in self.world.log[before:]]
            if not made:
                return

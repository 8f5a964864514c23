"""Random walks through the world: users, controllers, a slow watch and a dying operator, in any order.

After every step the invariants must hold; and from wherever a walk ends, letting everything go well must end in peace.
"""

import contextlib
import functools
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from delivery_operator.engine.decide import decide
from delivery_operator.engine.snapshot import Obstacle
from delivery_operator.render import names
from delivery_operator.render.bundle import Bundle
from tests.unit.support import builders
from tests.unit.support.builders import RELAY, WEB
from tests.unit.support.world import SECRET, Killed, World

DRIFTING = (
    "Deployment",
    "Service",
    "ConfigMap",
    "ServiceAccount",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
)
IMAGES = st.sampled_from([f"{builders.IMAGE}-{letter}" for letter in "abc"])
OPERATOR = st.sampled_from([None, None, None, 0, 0, 1, 2, 3, 5])
"""What the operator does after a step: all it has to (None), nothing, or some writes until it is killed."""
PROCESSES = st.sampled_from(["web", "relay", "extra"])


@functools.cache
def templates(limit: int) -> Bundle:
    """Templates that differ in every child that has pods, and in what scales it."""
    sources = dict(builders.BUNDLE.sources)
    sources["deployment"] = sources["deployment"].replace("revisionHistoryLimit: 2", f"revisionHistoryLimit: {limit}")
    sources["poddisruptionbudget"] = sources["poddisruptionbudget"].replace(
        "maxUnavailable: 1", f"maxUnavailable: {limit - 1}"
    )
    return Bundle(sources)


class Walk(RuleBasedStateMachine):
    """One service through whatever may happen to it."""

    world: World

    @initialize(migrate=st.booleans())
    def apply(self, *, migrate: bool) -> None:
        self.world = World(builders.spec(migrate=migrate, tasks={"seed": {"command": ["order", "seed"]}}))
        self.runs = 0
        self.specs: dict[str, dict[str, Any]] = {}
        self.highest = 0

    # Users.

    @rule(image=IMAGES, then=OPERATOR)
    def release_an_image(self, image: str, then: int | None) -> None:
        self.world.edit(image=image)
        self.react(then)

    @rule(process=PROCESSES, replicas=st.integers(0, 3), then=OPERATOR)
    def scale(self, process: str, replicas: int, then: int | None) -> None:
        if process in self.world.service["spec"]["processes"]:
            self.world.edit_process(process, replicas=replicas)
        self.react(then)

    @rule(process=PROCESSES, least=st.integers(1, 3), then=OPERATOR)
    def let_load_decide(self, process: str, least: int, then: int | None) -> None:
        if process in self.world.service["spec"]["processes"]:
            scaling = {"min": least, "max": 5, "cpu": 70}
            self.world.edit_process(process, scaling=scaling, replicas=None)
        self.react(then)

    @rule(paused=st.booleans(), then=OPERATOR)
    def pause(self, *, paused: bool, then: int | None) -> None:
        self.world.edit(paused=paused)
        self.react(then)

    @rule(data=st.data(), then=OPERATOR)
    def roll_back(self, data: st.DataObject, then: int | None) -> None:
        self.world.policy(rollbackTo=data.draw(st.sampled_from([None, 99, *self.world.phases()])))
        self.react(then)

    @rule(then=OPERATOR)
    def retry(self, then: int | None) -> None:
        if self.world.phases():
            self.world.annotate(names.RETRY, f"order-r{max(self.world.phases())}")
        self.react(then)

    @rule(task=st.sampled_from(["seed", "unknown"]), ttl=st.sampled_from([None, 0, 60]), then=OPERATOR)
    def run_a_task(self, task: str, ttl: int | None, then: int | None) -> None:
        self.runs += 1
        limit = {} if ttl is None else {"ttlSecondsAfterFinished": ttl}
        self.world.task(f"run-{self.runs}", task=task, **limit)
        self.react(then)

    @rule(usable=st.booleans(), whole=st.booleans(), then=OPERATOR)
    def change_the_environment(self, *, usable: bool, whole: bool, then: int | None) -> None:
        self.world.obstacle = None if usable else Obstacle("EnvironmentMissing", "it does not exist")
        self.world.template_fault = "" if whole else "template job.yaml.j2: broken"
        self.react(then)

    @rule(limit=st.integers(2, 4), then=OPERATOR)
    def change_the_templates(self, limit: int, then: int | None) -> None:
        self.world.bundle = templates(limit)
        self.react(then)

    @rule(renew=st.booleans(), then=OPERATOR)
    def begin_or_end_a_wave(self, *, renew: bool, then: int | None) -> None:
        self.world.renew = renew
        self.react(then)

    @rule(process=st.sampled_from(["relay", "extra"]), then=OPERATOR)
    def add_or_drop_a_process(self, process: str, then: int | None) -> None:
        processes = dict(self.world.service["spec"]["processes"])
        if processes.pop(process, None) is None:
            processes[process] = RELAY
        self.world.edit(processes=processes)
        self.react(then)

    @rule(level=st.sampled_from(["info", "debug"]), then=OPERATOR)
    def configure(self, level: str, then: int | None) -> None:
        self.world.edit(config={"LOG_LEVEL": {"value": level}})
        self.react(then)

    @rule(
        migrate=st.booleans(),
        contract=st.booleans(),
        on_failure=st.sampled_from(["rollback", "hold"]),
        then=OPERATOR,
    )
    def change_the_policy(self, *, migrate: bool, contract: bool, on_failure: str, then: int | None) -> None:
        release: dict[str, Any] = {"onFailure": on_failure}
        if contract:
            release["contract"] = builders.MIGRATE
        if migrate:
            release["migrate"] = builders.MIGRATE
        self.world.edit(release=release)
        self.react(then)

    @rule(then=OPERATOR)
    def break_the_spec(self, then: int | None) -> None:
        self.world.edit(processes={"web": {**WEB, "port": {"number": "many"}}})
        self.react(then)

    @rule(then=OPERATOR)
    def mend_the_spec(self, then: int | None) -> None:
        self.world.edit(processes={"web": WEB})
        self.react(then)

    @rule(content=st.sampled_from([None, {}, {"url": "postgres://a"}, {"url": "postgres://b"}]), then=OPERATOR)
    def change_the_secret(self, content: dict[str, str] | None, then: int | None) -> None:
        if content is None:
            self.world.contents.pop(SECRET, None)
        else:
            self.world.contents[SECRET] = content
        self.react(then)

    @rule(data=st.data(), then=OPERATOR)
    def delete_a_child(self, data: st.DataObject, then: int | None) -> None:
        found = sorted(key for key in self.world.objects if key[0] in DRIFTING)
        if found:
            self.world.delete(*data.draw(st.sampled_from(found)))
        self.react(then)

    @rule(data=st.data(), then=OPERATOR)
    def edit_a_deployment(self, data: st.DataObject, then: int | None) -> None:
        found = sorted(self.world.of_kind("Deployment"))
        if found:
            self.world.change("Deployment", data.draw(st.sampled_from(found)), replicas=9, minReadySeconds=1)
        self.react(then)

    @rule(data=st.data(), replicas=st.integers(1, 5), then=OPERATOR)
    def autoscale(self, data: st.DataObject, replicas: int, then: int | None) -> None:
        found = [name for kind, name in sorted(self.world.objects) if kind == "HorizontalPodAutoscaler"]
        targets = [name for name in found if ("Deployment", name) in self.world.objects]
        if targets:
            self.world.autoscale(data.draw(st.sampled_from(targets)).removeprefix("order-"), replicas)
        self.react(then)

    @rule(data=st.data(), then=OPERATOR)
    def delete_a_job(self, data: st.DataObject, then: int | None) -> None:
        found = sorted(self.world.of_kind("Job"))
        if found:
            self.world.delete("Job", data.draw(st.sampled_from(found)))
        self.react(then)

    @rule(data=st.data(), then=OPERATOR)
    def delete_a_release_that_ended(self, data: st.DataObject, then: int | None) -> None:
        ended = [number for number, phase in self.world.phases().items() if phase in {"Superseded", "Failed"}]
        if ended:
            number = data.draw(st.sampled_from(ended))
            self.world.delete("DeliveryRelease", f"order-r{number}")
            self.specs.pop(f"order-r{number}", None)
        self.react(then)

    # Controllers.

    @rule(data=st.data(), code=st.sampled_from([3, 0]), then=OPERATOR)
    def end_a_job(self, data: st.DataObject, code: int, then: int | None) -> None:
        running = self.world.running_jobs()
        if running:
            job = data.draw(st.sampled_from(running))
            self.world.end_job(job["metadata"]["name"], code=code, message="done")
        self.react(then)

    @rule(then=OPERATOR)
    def bring_up_pods(self, then: int | None) -> None:
        self.world.pods_come()
        self.react(then)

    @rule(data=st.data(), overdue=st.booleans(), then=OPERATOR)
    def lose_pods(self, data: st.DataObject, *, overdue: bool, then: int | None) -> None:
        found = sorted(self.world.of_kind("Deployment"))
        if found:
            process = data.draw(st.sampled_from(found)).removeprefix("order-")
            self.world.pods_do_not_come(process, overdue=overdue)
        self.react(then)

    @rule(process=PROCESSES, code=st.sampled_from([0, 0, 2, 137]), seconds=st.integers(0, 40), then=OPERATOR)
    def end_a_pod(self, process: str, code: int, seconds: int, then: int | None) -> None:
        if ("Deployment", f"order-{process}") in self.world.objects:
            self.world.pod_ends(process, int(self.world.runs(process)), code=code, seconds=seconds)
        self.react(then)

    # The operator.

    def react(self, writes: int | None) -> None:
        """Let the operator make some writes and die, or none, or (None) all there are to make."""
        if writes is None:
            self.world.settle()
        elif writes:
            with contextlib.suppress(Killed):
                self.world.settle(kill_after=writes)

    @rule(data=st.data())
    def reconcile_with_a_slow_watch(self, data: st.DataObject) -> None:
        keys = sorted(self.world.objects)
        self.world.settle(behind=data.draw(st.sampled_from(keys)))

    @rule()
    def decide_twice(self) -> None:
        """Invariant 9: the same snapshot, the same plan."""
        self.world.observe()
        plan = decide(self.world.snapshot())
        self.world.cache = deepcopy(self.world.cache)
        assert decide(self.world.snapshot()) == plan

    @precondition(lambda self: self.highest > 0)
    @rule()
    def let_everything_go_well(self) -> None:
        self.peace()

    # What must hold.

    @invariant()
    def a_migration_runs_once(self) -> None:
        """Invariant 3."""
        if hasattr(self, "world"):
            assert set(self.world.jobs.values()) <= {1}

    @invariant()
    def no_two_migrations_run_at_once(self) -> None:
        """Invariant 3."""
        if hasattr(self, "world"):
            running = self.world.running_jobs()
            assert len([job for job in running if job["metadata"]["labels"][names.ROLE] != names.TASK]) <= 1

    @invariant()
    def no_pod_is_lost_to_a_default(self) -> None:
        """runtime-component-operator#68: moving to an autoscaler never passes through one pod."""
        if hasattr(self, "world"):
            assert not self.world.pods_lost

    @invariant()
    def nothing_starts_before_its_migration_succeeded(self) -> None:
        """Invariant 3, and 4: a failed migration's release never replaces what serves."""
        if not hasattr(self, "world"):
            return
        for name, deployment in self.world.of_kind("Deployment").items():
            number = deployment["spec"]["template"]["metadata"]["labels"][names.RELEASE]
            release = self.world.of_kind("DeliveryRelease").get(f"order-r{number}")
            if release is None or "migrate" not in release["spec"]["content"].get("release", {}):
                continue
            while release and (origin := release["spec"].get("copyOf") or release["spec"].get("renewalOf")):
                release = self.world.of_kind("DeliveryRelease").get(f"order-r{origin}")
            if release is None:
                continue  # its source has been let go since
            result = (release.get("status") or {}).get("migration", {}).get("result")
            assert result == "Succeeded", f"{name} runs release {number}, whose migration: {result}"

    @invariant()
    def a_renewal_has_the_content_of_what_it_renews_and_no_job(self) -> None:
        """Invariant 3: a migration of its own would be the same one a second time."""
        if not hasattr(self, "world"):
            return
        for name, release in self.world.of_kind("DeliveryRelease").items():
            origin = self.world.of_kind("DeliveryRelease").get(f"order-r{release['spec'].get('renewalOf')}")
            if origin is not None:
                assert release["spec"]["digest"] == origin["spec"]["digest"]
            if "renewalOf" in release["spec"]:
                assert not [job for job in self.world.of_kind("Job") if job.startswith(f"{name}-")]

    @invariant()
    def releases_never_change_and_their_numbers_rise(self) -> None:
        """Invariant 5."""
        if not hasattr(self, "world"):
            return
        for name, release in self.world.of_kind("DeliveryRelease").items():
            if name not in self.specs:
                assert release["spec"]["number"] > self.highest, "a number was used twice"
                self.specs[name] = deepcopy(release["spec"])
            assert release["spec"] == self.specs[name]
        self.highest = max([self.highest, *(spec["number"] for spec in self.specs.values())])

    @invariant()
    def the_spec_is_the_users(self) -> None:
        """Invariant 6."""
        if hasattr(self, "world"):
            metadata = self.world.service["metadata"]
            assert {"labels", "finalizers"}.isdisjoint(metadata)
            assert set(metadata.get("annotations", {})) <= {names.RETRY}, "which is the user's"

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.peace()

    def peace(self) -> None:
        """Invariants 1 and 2: with all causes of failure gone, it comes to rest, serves, and writes no more."""
        world = self.world
        world.contents[SECRET] = {"url": "postgres://mended"}
        world.obstacle, world.template_fault = None, ""
        world.policy(rollbackTo=None)
        world.edit(
            paused=False, image=f"{builders.IMAGE}-mended-{len(world.log)}", processes={"web": WEB, "relay": RELAY}
        )
        world.run()
        assert world.plan().writes == ()
        assert world.said("Ready") == ("True", "Serving")
        newest = max(world.phases())
        assert world.phases()[newest] == "Active"
        assert list(world.phases().values()).count("Active") == 1
        assert set(world.of_kind("Deployment")) == {"order-web", "order-relay"}
        assert {world.runs("web"), world.runs("relay")} == {str(newest)}
        assert {task["status"]["phase"] for task in world.of_kind("DeliveryTask").values()} <= {"Succeeded", "Failed"}


Walk.TestCase.settings = settings(max_examples=50, stateful_step_count=20, report_multiple_bugs=False)
TestWalk = pytest.mark.timeout(420)(Walk.TestCase)  # a walk that fails is made shorter, which may take minutes

"""Scheduled processes and singletons, and processes that become what they were not."""

from collections.abc import Mapping

import pytest

from delivery_operator.engine.plan import Plan
from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.world import World

SWEEP = {"command": ["order", "sweep"], "schedule": "*/10 * * * *"}
WORKER = {"command": ["order", "sweep"], "replicas": 3}


def a_service(sweep: Mapping[str, object]) -> World:
    world = World(builders.spec(migrate=False, processes={"web": builders.WEB, "sweep": sweep}))
    world.run()
    return world


def become(world: World, sweep: Mapping[str, object]) -> None:
    world.edit(processes={"web": builders.WEB, "sweep": sweep})


@pytest.fixture
def scheduled() -> World:
    return a_service(SWEEP)


def test_a_scheduled_process_is_a_cron_job_of_its_release(scheduled: World) -> None:
    cron = scheduled.objects["CronJob", "order-sweep"]
    pods = cron["spec"]["jobTemplate"]["spec"]["template"]["metadata"]
    assert (cron["spec"]["schedule"], pods["labels"][names.RELEASE]) == ("*/10 * * * *", "1")
    assert scheduled.status["formation"] == "sweep=scheduled web=2"
    assert scheduled.said("Ready") == ("True", "Serving"), "it is no part of a rollout's health"
    assert scheduled.plan() == Plan()


def test_it_follows_the_release_that_is_rolled_out_and_back(scheduled: World) -> None:
    def image() -> object:
        job = scheduled.objects["CronJob", "order-sweep"]["spec"]["jobTemplate"]
        return job["spec"]["template"]["spec"]["containers"][0]["image"]

    scheduled.edit(image=builders.NEXT_IMAGE)
    scheduled.settle()
    assert image() == builders.NEXT_IMAGE
    scheduled.pods_do_not_come("web", overdue=True)
    scheduled.settle()
    assert image() == builders.IMAGE


def test_a_worker_becomes_scheduled(scheduled: World) -> None:
    world = a_service(WORKER)
    become(world, SWEEP)
    world.settle()
    assert ("Deployment", "order-sweep") in world.objects, "it works on until the new release serves"
    world.run()
    assert ("Deployment", "order-sweep") not in world.objects
    assert ("PodDisruptionBudget", "order-sweep") not in world.objects
    assert ("CronJob", "order-sweep") in world.objects
    assert scheduled.plan() == Plan()


def test_a_worker_keeps_its_pods_until_the_release_that_schedules_it(scheduled: World) -> None:
    world = a_service(WORKER)
    world.contents.clear()  # so that no release can be made
    become(world, SWEEP)
    world.settle()
    assert world.deployment("sweep")["spec"]["replicas"] == 3
    assert scheduled.plan() == Plan()


def test_a_scheduled_process_becomes_a_worker(scheduled: World) -> None:
    become(scheduled, WORKER)
    scheduled.run()
    assert ("CronJob", "order-sweep") not in scheduled.objects
    assert scheduled.deployment("sweep")["spec"]["replicas"] == 3


def test_a_singleton_is_replaced_and_not_rolled() -> None:
    world = a_service({"command": ["order", "sweep"], "singleton": True})
    assert world.deployment("sweep")["spec"]["strategy"] == {"type": "Recreate"}
    assert world.deployment("sweep")["spec"]["replicas"] == 1

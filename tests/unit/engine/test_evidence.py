"""Jobs stay for a stated time after their end, and never go before their result is recorded (invariant 3)."""

import pytest

from delivery_operator.api.release import MigrationResult
from delivery_operator.engine import evidence
from tests.unit.support import builders
from tests.unit.support.world import World

JOB = ("Job", "order-r1-migrate")
CONTRACT = {"command": ["order", "migrate", "--contract"]}


@pytest.mark.parametrize(("code", "result"), [(0, MigrationResult.SUCCEEDED), (3, MigrationResult.FAILED)])
def test_a_job_goes_when_its_time_is_over(code: int, result: MigrationResult) -> None:
    world = World(builders.spec())
    world.settle()
    world.job_ends(1, code=code)
    world.settle()
    world.pods_come()
    world.settle()
    world.tick(evidence.KEPT_SECONDS[result] - 60)
    world.settle()
    assert JOB in world.objects
    world.tick(120)
    world.settle()
    assert JOB not in world.objects
    assert world.release(1)["status"]["migration"]["result"] == result
    assert world.plan().writes == ()
    assert world.jobs.total() == 1


def test_a_result_that_is_not_recorded_keeps_it() -> None:
    world = World(builders.spec())
    world.settle()
    world.job_ends(1)
    world.tick(30 * 24 * 3600)
    world.edit(paused=True)
    world.settle()
    assert JOB in world.objects, "a paused service touches nothing"
    world.edit(paused=False)
    world.run()
    assert world.release(1)["status"]["migration"]["result"] == "Succeeded"
    assert JOB not in world.objects


def test_a_contract_step_goes_too() -> None:
    world = World(builders.spec(migrate=False, release={"contract": CONTRACT}))
    world.run()
    assert ("Job", "order-r1-contract") in world.objects
    world.tick(evidence.KEPT_SECONDS[MigrationResult.SUCCEEDED] + 60)
    world.run()
    assert ("Job", "order-r1-contract") not in world.objects
    assert world.said("ContractSucceeded") == ("True", "Succeeded")


def test_another_job_of_the_name_is_left_to_its_owner() -> None:
    """A recorded result says nothing about it."""
    world = World(builders.spec())
    world.run()
    job = world.objects[JOB]
    world.delete(*JOB)
    world.add({**job, "metadata": {**job["metadata"], "uid": "uid-of-another"}})
    world.tick(30 * 24 * 3600)
    world.run()
    assert JOB in world.objects


def test_a_job_without_an_end_stays() -> None:
    """Its release was given up as lost while it ran on."""
    world = World(builders.spec())
    world.run()
    world.add({**world.objects[JOB], "status": {}})
    world.tick(30 * 24 * 3600)
    world.settle()
    assert JOB in world.objects

"""Flux judges by a library; what the unit tests hold our states against (tests/support/verdicts.py) says the same."""

import json
import subprocess
from copy import deepcopy

import pytest

from delivery_operator.api.service import KIND
from devcluster.console import Silent
from devcluster.home import Home
from devcluster.tools import built_kstatus
from tests.support.verdicts import Object, kstatus
from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE, WEB
from tests.unit.support.world import SECRET, World


class Seen(World):
    """A world that keeps every state of its service."""

    def _put(self, body: Object) -> None:
        super()._put(body)
        if body["kind"] == KIND:
            states = self.__dict__.setdefault("states", [])
            states.append(deepcopy(self.service))


def states() -> list[Object]:
    """Every state of a service that is released, fails, waits, is mended, paused, misread and deleted."""
    world = Seen(builders.spec())
    world.run()
    world.edit(image=NEXT_IMAGE)
    world.settle()
    world.job_ends(2, code=3)
    world.settle()
    kept = world.contents.pop(SECRET)
    world.edit(image=f"{NEXT_IMAGE}-b")
    world.settle()
    world.contents[SECRET] = kept
    world.run()
    world.edit(image=f"{NEXT_IMAGE}-c")
    world.settle()
    world.job_ends(max(world.phases()))
    world.settle()
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    world.edit(paused=True)
    world.settle()
    world.edit(paused=False, processes={"web": {**WEB, "port": {"number": "many"}}})
    world.settle()
    gone = deepcopy(world.service)
    gone["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"
    without = deepcopy(gone)
    del without["status"], without["metadata"]["deletionTimestamp"]
    return [*world.__dict__["states"], gone, without]


@pytest.mark.timeout(600)  # the first run builds the library
def test_our_copy_of_the_rules_is_that_of_flux() -> None:
    seen = states()
    done = subprocess.run(
        [built_kstatus(Home.default(), Silent())],
        input="\n".join(map(json.dumps, seen)),
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = done.stdout.split()
    assert verdicts == [kstatus(each) for each in seen]
    assert set(verdicts) == {"InProgress", "Current", "Failed", "Terminating"}

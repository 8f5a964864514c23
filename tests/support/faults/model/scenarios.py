"""What happens to a modelled service: the same stories that the processes are put through, and some more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from delivery_operator.api.service import KIND as SERVICE
from tests.support.faults.model.controllers import Exits, Stuck, ready, succeeds
from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE, RELAY, WEB
from tests.unit.support.world import SECRET, World

LAST_IMAGE: Final = builders.IMAGE.replace("v1.0.0", "v1.2.0")


@dataclass(frozen=True)
class Act:
    """What a user does.

    Attributes:
        about: in words.
        do: to the world.
        when: as soon as this holds; None is when all is at rest.
    """

    about: str
    do: Callable[[World], object]
    when: Callable[[World], bool] | None = None


@dataclass(frozen=True)
class Scenario:
    """One story.

    Attributes:
        about: what it is, for the table of plans.
        acts: what happens in it.
        before: what has happened before, with no fault.
        spec: what the service asks for at first.
        exits: how Jobs end.
        stuck: whose pods never become ready.
        overtakes: whether something overtakes a rollout: how many pods it has started by then is a matter of time.
    """

    about: str
    acts: tuple[Act, ...] = ()
    before: tuple[Act, ...] = ()
    spec: Mapping[str, Any] = field(default_factory=builders.spec)
    exits: Exits = succeeds
    stuck: Stuck = ready
    overtakes: bool = False


def _image(image: str, when: Callable[[World], bool] | None = None) -> Act:
    return Act(f"image {image}", lambda world: world.edit(image=image), when)


def _phase(release: int, phase: str) -> Callable[[World], bool]:
    return lambda world: world.phases().get(release) == phase


def _migrates(release: int) -> Callable[[World], bool]:
    """Whether the migration of a release runs."""

    def look(world: World) -> bool:
        job = world.of_kind("Job").get(f"order-r{release}-migrate")
        return job is not None and not job["spec"].get("suspend")

    return look


def _recreate(world: World) -> None:
    world.add(builders.service(builders.spec(), uid="uid-of-the-second"))


def _contract(world: World) -> None:
    world.edit(image=NEXT_IMAGE, release={"migrate": builders.MIGRATE, "contract": builders.MIGRATE})


_SERVES: Final = Act("nothing", lambda _: None)
_SECRET: Final = {"url": "postgres://db/order-of-the-new-user"}

SCENARIOS: Final = {
    "first release": Scenario("A service is made, with a migration."),
    "image change": Scenario("A new image is released.", (_image(NEXT_IMAGE),), (_SERVES,)),
    "secret rotation": Scenario(
        "A Secret that the release references changes.",
        (Act("another Secret", lambda world: world.contents.update({SECRET: _SECRET})),),
        (_SERVES,),
    ),
    "failed migration and repair": Scenario(
        "The migration of a new image fails; the next image mends it.",
        (_image(NEXT_IMAGE), _image(LAST_IMAGE)),
        (_SERVES,),
        exits=lambda job: 3 if job == "order-r2-migrate" else 0,
    ),
    "failed rollout": Scenario(
        "The pods of a new image never become ready, and the old release is put back.",
        (_image(NEXT_IMAGE),),
        (_SERVES,),
        stuck=lambda process, release: (process, release) == ("web", 2),
    ),
    "rollback": Scenario(
        "spec.release.rollbackTo names the first release.",
        (Act("rollbackTo 1", lambda world: world.policy(rollbackTo=1)),),
        (_SERVES, _image(NEXT_IMAGE)),
    ),
    "process removed": Scenario(
        "A process goes from the spec.",
        (Act("relay removed", lambda world: world.edit(processes={"web": WEB})),),
        (_SERVES,),
    ),
    "process added": Scenario(
        "A process comes to the spec.",
        (Act("relay added", lambda world: world.edit(processes={"web": WEB, "relay": RELAY})),),
        (_SERVES,),
        spec=builders.spec(processes={"web": WEB}),
    ),
    "scaling switched to an autoscaler": Scenario(
        "A process with a number of pods gets an autoscaler.",
        (
            Act(
                "scaling",
                lambda world: world.edit_process("web", replicas=None, scaling={"min": 2, "max": 5, "cpu": 70}),
            ),
        ),
        (_SERVES,),
    ),
    "task": Scenario(
        "A one-off process runs in the release that serves.",
        (Act("a task", lambda world: world.task("seed-1", command=["order", "seed"])),),
        (_SERVES,),
    ),
    "contract step": Scenario(
        "A release whose contract step runs when no pod of an older one is left.",
        (Act("an image and a contract step", _contract),),
        (_SERVES,),
    ),
    "superseded in flight": Scenario(
        "While a release migrates, a newer image comes; while that rolls out, the first one comes back.",
        (
            _image(NEXT_IMAGE),
            _image(LAST_IMAGE, _migrates(2)),
            _image(builders.IMAGE, _phase(3, "RollingOut")),
        ),
        (_SERVES,),
        overtakes=True,
    ),
    "Secret missing at first": Scenario(
        "The Secret that a service binds comes after it.",
        (
            Act("the Secret is gone", lambda world: world.contents.pop(SECRET)),
            Act("the Secret comes", lambda world: world.contents.update({SECRET: _SECRET})),
        ),
        (_SERVES,),
    ),
    "service deleted": Scenario(
        "A service is deleted while its migration runs, and one of the same name is made.",
        (
            Act("deleted", lambda world: world.delete(SERVICE, "order"), _migrates(1)),
            Act("made again", _recreate),
        ),
    ),
}

"""When the next release is cut."""

from delivery_operator.api.release import Phase
from delivery_operator.engine import renewal, wish
from delivery_operator.engine.history import Release
from delivery_operator.engine.objects import name
from delivery_operator.engine.outcome import Outcome, Standing, Step
from delivery_operator.engine.scene import Scene


def due(scene: Scene, newest: Release | None) -> bool:
    """Whether there is none yet, or the newest is no longer what is wished for."""
    if newest is None:
        return True
    # A superseded one is the newest only when its successor was deleted: it has ended, and cannot serve again.
    return (
        newest.phase is Phase.SUPERSEDED
        or not scene.wish.met_by(newest, scene.snapshot)
        or wish.retried(scene.snapshot.service, newest)
        or renewal.due(scene, newest)
    )


def step(scene: Scene, newest: Release | None) -> Step:
    """Make it.

    Raises:
        TemplateError: the templates are wrong.
    """
    release = wish.cut(scene.wish, scene.snapshot, newest, renewal.renewed(scene, newest))
    told = Outcome(Standing.WORKING, "Releasing", f"release {name(release.manifest)} is being made")
    return Step((release,), told)

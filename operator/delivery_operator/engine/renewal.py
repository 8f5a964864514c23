"""A renewal: a release with the content of the one that serves, and newer templates (reason TemplatesChanged).

A wave of the environment asks for it (`waves`). Image, content and references are those of the release it renews, so
the migration of that one, and its contract step, are its own too: they ran on this very database, and none runs again
(invariant 3). So only a release whose steps have all succeeded is renewed.
"""

from delivery_operator.api.release import Phase
from delivery_operator.engine import contract, wish
from delivery_operator.engine.history import Release
from delivery_operator.engine.scene import Scene


def due(scene: Scene, newest: Release) -> bool:
    """Whether the newest release is to be renewed now.

    One that is a renewal itself, and has not come to serve, is followed by the next at once: the templates that it was
    made with may be what is wrong with it. Any other must serve, with all of its pods.
    """
    snapshot = scene.snapshot
    asked = snapshot.renew and not snapshot.template_fault and scene.wish.source is None
    if not asked or newest.templates == snapshot.bundle.digest or not scene.wish.met_by(newest, snapshot):
        return False
    if newest.renewal_of is not None and newest.phase is not Phase.ACTIVE:
        return True
    serves = newest.phase is Phase.ACTIVE and contract.settled(newest)
    return serves and scene.health(scene.children(newest), newest).healthy


def renewed(scene: Scene, newest: Release | None) -> int | None:
    """The number of the release that the next one renews; None when the next one has a content of its own."""
    if newest is None or not scene.wish.met_by(newest, scene.snapshot):
        return None
    if due(scene, newest):
        return newest.renewal_of or newest.number
    return newest.renewal_of if wish.retried(scene.snapshot.service, newest) else None

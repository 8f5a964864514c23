"""What is in the way of a release: everything that must be there before one is cut."""

from delivery_operator.engine import conditions
from delivery_operator.engine.outcome import Outcome, Standing
from delivery_operator.engine.scene import Scene
from delivery_operator.render import needs


def closed(scene: Scene) -> Outcome | None:
    """What is missing whether or not there is a release to be cut: it is told even while all else is well.

    In the order of who has to act: the platform team, then whoever named a release that cannot come back, then whoever
    keeps Secrets and ConfigMaps.
    """
    if scene.snapshot.obstacle:
        return Outcome(Standing.WAITING, scene.snapshot.obstacle.reason, scene.snapshot.obstacle.message)
    if scene.wish.obstacle:
        standing = Standing.WAITING if scene.wish.obstacle.passes else Standing.STUCK
        return Outcome(standing, scene.wish.obstacle.reason, scene.wish.obstacle.message)
    return missing(scene) if scene.missing else None


def missing(scene: Scene) -> Outcome:
    """What is referred to and not there."""
    return Outcome(Standing.WAITING, scene.missing[0].reason, conditions.config_message(scene.missing))


def unrenderable(scene: Scene) -> Outcome | None:
    """Why the wanted release cannot be rendered; a copy of an earlier one needs no rendering."""
    if scene.wish.source:
        return None
    unmet = needs.unmet(scene.wish.spec, scene.snapshot.platform)
    if unmet:
        return Outcome(Standing.STUCK, unmet[0].reason, "; ".join(each.message for each in unmet))
    if scene.snapshot.template_fault:
        return template_invalid(scene.snapshot.template_fault)
    return None


def template_invalid(fault: str) -> Outcome:
    """The platform's templates are wrong."""
    message = f"{fault}; this is the platform team's to mend: the service's spec is not at fault"
    return Outcome(Standing.STUCK, "TemplateInvalid", message)

"""The status of a DeliveryEnvironment: whether its own templates are there and whole, and who runs with them."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.status import ConditionType
from delivery_operator.engine import waves
from delivery_operator.engine.conditions import FALSE, TRUE, UNKNOWN, Claim, invalid, with_times
from delivery_operator.engine.memo import KEPT, Content
from delivery_operator.engine.objects import Object, name
from delivery_operator.engine.plan import Plan, SetStatus
from delivery_operator.engine.waves import Fleet
from delivery_operator.render.bundle import Bundle


@dataclass(frozen=True)
class Templates:
    """What the releases of an environment are rendered with.

    Attributes:
        bundle: its templates, or with a fault those of the operator.
        fault: what is wrong with its own, empty when nothing is.
    """

    bundle: Bundle = field(repr=False)
    fault: str = ""


def read(body: Object) -> DeliveryEnvironmentSpec | str:
    """Read an environment's spec; what is wrong with it, when it cannot be read."""
    return _read(Content(name(body), body["spec"]))


@lru_cache(maxsize=KEPT)
def _read(asked: Content) -> DeliveryEnvironmentSpec | str:
    try:
        return DeliveryEnvironmentSpec.model_validate(asked.value)
    except ValidationError as error:
        return invalid(error)


def named(plan: Plan) -> list[tuple[str, str]]:
    """The services, by namespace and name, whose turn it is by the status that a plan writes."""
    upgrades = [write.status.get("upgrade", {}) for write in plan.writes if isinstance(write, SetStatus)]
    found = [each.partition("/") for upgrade in upgrades for each in upgrade.get("inProgress", ())]
    return [(namespace, service) for namespace, _, service in found]


def decide(body: Object, templates: Templates | str, fleet: Fleet | None, now: datetime) -> Plan:
    """Answer with the write of its status, or with nothing when it is as it should be.

    Args:
        body: the DeliveryEnvironment.
        templates: what was found of its templates; a text when its spec could not be read.
        fleet: its services; None where this operator does not see them all, and so has nothing to say about them.
        now: the time, for conditions.
    """
    found: dict[str, Any] = {}
    if isinstance(templates, str):
        failed: Claim | None = (FALSE, "InvalidSpec", templates)
    elif templates.fault:
        message = f"{templates.fault}; its services keep what runs and get no release until the templates are mended"
        failed = (FALSE, "TemplateInvalid", message)
    else:
        failed = None
        found["templates"] = templates.bundle.digest
    upgrade = None
    if fleet and not failed:
        upgrade = waves.decide(fleet, found["templates"], body, now)
        found |= {"upgrade": upgrade.status} if upgrade.status else {}
    claims: dict[ConditionType, Claim] = {
        ConditionType.READY: failed or (TRUE, "TemplatesReady", "its templates are whole"),
        ConditionType.RECONCILING: (FALSE, "Idle", "nothing is under way"),
        ConditionType.STALLED: (TRUE, *failed[1:]) if failed else (FALSE, "NotStalled", "nothing is in the way"),
    }
    if fleet:
        unknown = (UNKNOWN, "TemplateInvalid", "which templates services are to take is not known")
        claims[ConditionType.TEMPLATES_CURRENT] = upgrade.claim if upgrade else unknown
    previous: dict[str, Any] = body.get("status") or {}
    generation = body["metadata"]["generation"]
    status = {
        "observedGeneration": generation,
        **found,
        "conditions": with_times(claims, previous, generation, now),
    }
    writes = () if status == previous else (SetStatus(body, status),)
    return Plan(writes, upgrade.look_again_after if upgrade else None)

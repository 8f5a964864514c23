"""The status of a DeliveryEnvironment: whether its own templates are there and whole."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.status import ConditionType
from delivery_operator.engine.conditions import FALSE, TRUE, Claim, invalid, with_times
from delivery_operator.engine.objects import Object
from delivery_operator.engine.plan import Plan, SetStatus
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
    try:
        return DeliveryEnvironmentSpec.model_validate(body["spec"])
    except ValidationError as error:
        return invalid(error)


def decide(body: Object, templates: Templates | str, now: datetime) -> Plan:
    """Answer with the write of its status, or with nothing when it is as it should be.

    Args:
        body: the DeliveryEnvironment.
        templates: what was found of its templates; a text when its spec could not be read.
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
    claims: dict[ConditionType, Claim] = {
        ConditionType.READY: failed or (TRUE, "TemplatesReady", "its templates are whole"),
        ConditionType.RECONCILING: (FALSE, "Idle", "nothing is under way"),
        ConditionType.STALLED: (TRUE, *failed[1:]) if failed else (FALSE, "NotStalled", "nothing is in the way"),
    }
    previous: dict[str, Any] = body.get("status") or {}
    generation = body["metadata"]["generation"]
    status = {
        "observedGeneration": generation,
        **found,
        "conditions": with_times(claims, previous, generation, now),
    }
    return Plan() if status == previous else Plan((SetStatus(body, status),))

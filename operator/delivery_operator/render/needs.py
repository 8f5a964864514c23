"""What must be there for a spec to be rendered."""

from dataclasses import dataclass

from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.render.platform import Platform


@dataclass(frozen=True)
class Need:
    """Something that is not there."""

    reason: str
    message: str


def unmet(spec: DeliveryServiceSpec, platform: Platform) -> list[Need]:
    """List what is not there."""
    return []

"""Compute resources of a container."""

from typing import Final

from pydantic import ConfigDict, Field

from delivery_operator.api.base import Model, rules
from delivery_operator.api.scalars import Quantity

_AMOUNTS: Final = rules(
    (
        "self.all(k, k in ['cpu', 'memory', 'ephemeral-storage']"
        " || k.matches('^[a-z0-9]+([-.][a-z0-9]+)*/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",
        "resources: write cpu, memory, ephemeral-storage, or the full name of a device such as example.com/gpu",
    ),
    (
        "self.all(k, !k.contains('/') || self[k].matches('^[0-9]{1,9}$'))",
        "resources: devices are given whole; write a number such as 1",
    ),
)


class Resources(Model):
    """Compute resources of one container; a side that is left out is the environment's default."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits)"
                " || quantity(self.requests[k]).compareTo(quantity(self.limits[k])) <= 0)",
                "resources: a request must not be greater than its limit",
            ),
            (
                "!has(self.requests) || self.requests.all(k, !k.contains('/')"
                " || (has(self.limits) && k in self.limits && self.limits[k] == self.requests[k]))",
                "resources: devices are not shared; give the same number in requests and limits, or in limits alone",
            ),
        )
    )

    requests: dict[str, Quantity] | None = Field(
        default=None,
        max_length=8,
        description="What the scheduler sets aside, by resource name. Default: that of the environment, which is cpu "
        "50m, memory 128Mi unless it says otherwise; not more than the limit.",
        json_schema_extra=_AMOUNTS,
    )
    limits: dict[str, Quantity] | None = Field(
        default=None,
        max_length=8,
        description="What the container may not exceed, by resource name. Default: that of the environment, which is "
        "memory 256Mi and no cpu limit unless it says otherwise; not less than the request.",
        json_schema_extra=_AMOUNTS,
    )

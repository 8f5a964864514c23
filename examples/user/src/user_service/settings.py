"""What the environment says to this service. Each field is the variable of the same name in capitals."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from chassis.mongo.settings import MongoSettings
from chassis.redis.settings import RedisSettings
from chassis.settings import Port, Seconds

Positive = Annotated[int, Field(ge=1)]


_LEAST_KIB_PER_LANE = 8


class Settings(MongoSettings):
    """What every process needs."""


class WebSettings(Settings, RedisSettings):
    """What the process `web` needs besides."""

    port: Port = 50051

    session_idle_seconds: Seconds = 3600
    """A session that is not used for so long ends (F6-5)."""
    session_max_seconds: Seconds = 86400
    """However much it is used, it ends after so long."""

    rate_limit_requests: Positive = 10
    rate_limit_seconds: Positive = 1
    """So many requests in so long of one user, for what is worth limiting (X-6)."""

    # What a hash costs: the second choice of RFC 9106, for machines without gigabytes to spare.
    argon2_memory_kib: Annotated[int, Field(ge=_LEAST_KIB_PER_LANE)] = 65536
    argon2_time_cost: Positive = 3
    argon2_parallelism: Positive = 4
    passwords_at_once: Positive = 2
    """So many are hashed at the same time; the process needs the memory of so many."""

    @field_validator("argon2_parallelism")
    @classmethod
    def _has_memory(cls, value: int, info: ValidationInfo) -> int:
        most = info.data.get("argon2_memory_kib", value * _LEAST_KIB_PER_LANE) // _LEAST_KIB_PER_LANE
        if value > most:
            raise ValueError(f"must be at most {most} with this ARGON2_MEMORY_KIB")
        return value

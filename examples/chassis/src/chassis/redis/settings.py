"""Where Redis is (SD-8)."""

from typing import Annotated

from pydantic import Field, SecretStr

from chassis.settings import Address, ServiceSettings


class RedisSettings(ServiceSettings):
    """The variables of a service with a Redis; there is no default address, so that none is missed (W-6)."""

    redis_addr: Address
    redis_password: SecretStr | None = None
    redis_db: Annotated[int, Field(ge=0)] = 0

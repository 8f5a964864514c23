"""Where a gRPC service is."""

from typing import Annotated

from pydantic import Field

Address = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+:\d{1,5}$")]
"""Such as `catalogue.shop:50051`."""

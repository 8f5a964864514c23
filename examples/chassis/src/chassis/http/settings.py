"""Where another service is that speaks HTTP."""

from typing import Annotated

from pydantic import AfterValidator, Field


def _without_credentials(value: str) -> str:
    if "@" in value:
        raise ValueError("must hold no user and no password: what is not secret is logged")
    return value.rstrip("/")


BaseURL = Annotated[
    str, Field(pattern=r"^https?://[A-Za-z0-9._@:\[\]-]+(/[^?#\s]*)?$"), AfterValidator(_without_credentials)
]
"""Such as `https://maps.example.com/v1`, to which paths are added."""

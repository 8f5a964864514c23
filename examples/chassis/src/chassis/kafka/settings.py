"""Where Kafka is."""

import re
from typing import Annotated

from pydantic import AfterValidator

_BROKER = re.compile(r"[A-Za-z0-9._-]+:\d{1,5}")


def _brokers(value: str) -> str:
    if not all(_BROKER.fullmatch(each.strip()) for each in value.split(",")):
        raise ValueError("must be host:port, or several with commas between them")
    return value


Brokers = Annotated[str, AfterValidator(_brokers)]
"""Some of the brokers, as `host:port,host:port`; the others are learned from them."""

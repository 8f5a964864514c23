"""What is compared: the service as it is, and the same one without techniques of its storage."""

from dataclasses import dataclass
from enum import StrEnum


class Technique(StrEnum):
    """What the service does so that the database costs less."""

    POOL = "pool"
    """Connections are kept; without, each request makes its own."""
    PREPARED = "prepared"
    """The server parses a statement once per connection; without, each time."""
    BATCHES = "batches"
    """One statement for all rows of a request; without, one for each row, in a transaction for each order."""


@dataclass(frozen=True)
class Variant:
    """The service, without some techniques.

    Attributes:
        name: in the table.
        without: what is left out; the service as it is if nothing is.
    """

    name: str
    without: frozenset[Technique] = frozenset()


AS_IS = Variant("as-is")
PLAIN = Variant("plain", frozenset(Technique))
ALL = (AS_IS, *(Variant(f"no-{each}", frozenset({each})) for each in Technique), PLAIN)
"""Those in between tell what each technique is worth while the others are there."""

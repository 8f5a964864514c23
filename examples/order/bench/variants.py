"""What is compared: the service as it is, and the same one without techniques of its storage."""

from dataclasses import dataclass
from enum import StrEnum


class Technique(StrEnum):
    """What the service does so that the database costs less."""

    POOL = "pool"
    """Connections are kept; without, each request makes its own."""
    PREPARED = "prepared"
    """The server parses and plans a statement once per connection; without, each time."""
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


AS_IS = Variant("as it is")
PLAIN = Variant("without all", frozenset(Technique))
VARIANTS = (AS_IS, *(Variant(f"without {each}", frozenset({each})) for each in Technique), PLAIN)
"""Those in between tell what each technique is worth by itself."""

"""What a session tells of its plans: counted in the worker that ran them, added up where the page is written."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

PROPERTY: Final = "plans"

Told = Callable[[str, object], None]
"""pytest's record_property."""


@dataclass
class Record:
    """Plans of one scenario, or walks, at one level.

    Attributes:
        level: "model" or "process".
        scenario: its name.
        writes: how many writes its reference run made.
        struck: fault to the number of plans in which it struck.
        missed: how many found nothing to strike any more.
        different: how many came to another end than the reference.
    """

    level: str
    scenario: str
    writes: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    different: int = 0

    @property
    def plans(self) -> int:
        """How many there were."""
        return self.struck.total() + self.missed

    def tell(self, record_property: Told) -> None:
        """Hand this on to the session."""
        record_property(PROPERTY, json.dumps(vars(self)))


def read(properties: Iterable[tuple[str, object]]) -> list[Record]:
    """The records among the properties of a test's report."""
    found = [json.loads(str(value)) for name, value in properties if name == PROPERTY]
    return [Record(**{**each, "struck": Counter(each["struck"])}) for each in found]

"""Keeps what was worked out of an object's content, for the looks that find the same content again.

Most looks at a service find most of it as it was, and reading specs and building manifests is most of what a look
costs. A result is found again by a mark, such as the object's UID, and used only while the content is equal: equal
content gives equal results, so that nothing can tell a kept one from a new one but the time it took. Kept results are
shared and must not be changed. How many are kept is bounded, since they take much more memory than what they were made
of.
"""

from dataclasses import dataclass, field
from typing import Any, Final

KEPT: Final = 32
"""Results of one sort: for the services that are in work at a time, not for all there are."""


@dataclass(frozen=True)
class Content:
    """Something that a result was worked out of.

    Attributes:
        mark: what it is found by, in a hash.
        value: what it must be equal to.
    """

    mark: str
    value: Any = field(hash=False)


@dataclass(frozen=True, eq=False)
class Same:
    """Something shared that a result was worked out of: the thing itself, whatever else is equal to it."""

    value: Any

    def __eq__(self, other: object) -> bool:
        """Whether the other holds the same thing."""
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        """By identity; what is held cannot go, and another take its place, while it is a key."""
        return id(self.value)

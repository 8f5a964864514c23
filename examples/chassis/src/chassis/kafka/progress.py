"""How far a partition is done. Work ends in any order; what is committed is where everything before it has ended."""


class Progress:
    """The messages of one partition that have been taken."""

    def __init__(self) -> None:
        """Nothing has been taken yet."""
        self._open: dict[int, None] = {}  # in the order of the offsets, as they come
        self._end: int | None = None
        self._committed: int | None = None

    def take(self, offset: int) -> None:
        """Begin with a message; offsets grow, and may leave some out."""
        self._open[offset] = None
        self._end = offset + 1

    def end(self, offset: int) -> None:
        """Be done with it."""
        del self._open[offset]

    @property
    def to_commit(self) -> int | None:
        """The offset from where another consumer would go on; None if that is known already."""
        place = next(iter(self._open), self._end)
        return None if place == self._committed else place

    def committed(self, offset: int) -> None:
        """Remember that it has been committed."""
        self._committed = offset

"""Whether the operator is alive: its event loop turns, no watch is deaf, and no worker hangs.

A watch can die without an error (nolar/kopf#585): the connection stands, and nothing comes. It is found out by what is
known from elsewhere: every write's answer and every LIST names a version that the watch must deliver too. A version
that has not come within a time means that the watch does not hear. A hung event loop needs no code: it answers no
probe, and renews no lease.
"""

from collections.abc import Callable, Iterable
from typing import Final

from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.store import Body, ServiceKey, version

DEAF_AFTER_SECONDS: Final = 120.0

Watch = tuple[str, str]
"""A kind, and a namespace; none for all of them."""


class Vitals:
    """Keeps, per watch, which versions it still owes."""

    def __init__(self, clock: Callable[[], float], reach: Reach) -> None:
        """Begin with nothing owed.

        Args:
            clock: monotonic, in seconds.
            reach: what is watched: a kind in all namespaces, or in each of those that are open.
        """
        self._clock = clock
        self._reach = reach
        self._seen: dict[Watch, int] = {}
        self._owed: dict[Watch, tuple[int, float]] = {}
        self.synced = False
        self.hanging: Callable[[], Iterable[ServiceKey]] = tuple
        """Answers with what has been worked on for longer than anything may be."""

    def begin_anew(self) -> None:
        """Owe nothing: the watches begin again, with a LIST of what there is."""
        self._owed.clear()

    def expect(self, body: Body) -> None:
        """Note a version learned by other means than the watch; where nothing is watched, nothing is owed."""
        namespace = body["metadata"].get("namespace")
        if namespace and not self._reach.covers(namespace):
            return
        watch, owed = self._watch(body), version(body)
        # Versions of one kind come in order, so the first one owed stands for those before it.
        if owed > self._seen.get(watch, 0) and watch not in self._owed:
            self._owed[watch] = (owed, self._clock())

    def heard(self, body: Body) -> None:
        """Note a version that the watch delivered."""
        watch, came = self._watch(body), version(body)
        self._seen[watch] = max(came, self._seen.get(watch, 0))
        owed = self._owed.get(watch)
        if owed is not None and came >= owed[0]:
            del self._owed[watch]

    def deaf(self) -> list[str]:
        """Name what the watches are of that owe a version for too long: a kind, or a kind in a namespace."""
        now = self._clock()
        late = (watch for watch, (_, since) in self._owed.items() if now - since > DEAF_AFTER_SECONDS)
        return sorted(" in ".join(filter(None, watch)) for watch in late)

    def _watch(self, body: Body) -> Watch:
        namespace = "" if self._reach.everywhere else str(body["metadata"].get("namespace") or "")
        return str(body["kind"]), namespace

    def fault(self) -> str | None:
        """Say what is the matter with this process that only a new one mends; None when nothing is."""
        deaf = self.deaf()
        if deaf:
            return f"the watch of {', '.join(deaf)} is deaf"
        hanging = ["/".join(filter(None, key)) for key in self.hanging()]
        if hanging:
            return f"the work on {', '.join(hanging)} hangs"
        return None

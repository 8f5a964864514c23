"""Requests as the API server's audit log has them: it counts what was asked, whoever counts otherwise."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from devcluster.cluster import Cluster

_WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_APART: Final = frozenset({"events", "leases"})
"""Resources whose writes are no part of what a service is made of: what is told, and who leads."""
Event = dict[str, Any]


@dataclass(frozen=True)
class Requests:
    """The requests of one user in a stretch of time, oldest first."""

    events: tuple[Event, ...]

    @classmethod
    def of(cls, cluster: Cluster, user: str, since: dt.datetime, until: dt.datetime | None = None) -> Self:
        """Read the audit log; a watch counts when it begins, everything else when it is answered."""
        end = f"{until:%Y-%m-%dT%H:%M:%S.%fZ}" if until else ""
        return cls(
            tuple(
                event
                for event in cluster.audit_events(since)
                if event["user"]["username"] == user
                and event["stage"] == ("ResponseStarted" if event["verb"] == "watch" else "ResponseComplete")
                and not (end and event["requestReceivedTimestamp"] > end)
            )
        )

    @property
    def writes(self) -> Self:
        """Those that write, but for Events and Leases."""
        return self._only(lambda event: event["verb"] in _WRITES and _resource(event) not in _APART)

    @property
    def apart(self) -> Self:
        """Those that write Events and Leases."""
        return self._only(lambda event: event["verb"] in _WRITES and _resource(event) in _APART)

    @property
    def reads(self) -> Self:
        """Those that read."""
        return self._only(lambda event: event["verb"] not in _WRITES)

    @property
    def failed(self) -> Self:
        """Those that the API server did not serve, but for what was looked for and not found."""
        return self._only(lambda event: event["responseStatus"]["code"] not in {*range(200, 300), 404})

    def of_verb(self, verb: str) -> Self:
        """Those with one verb."""
        return self._only(lambda event: event["verb"] == verb)

    def __len__(self) -> int:
        """How many."""
        return len(self.events)

    def seconds(self) -> float:
        """From when the first was received to when the last was answered."""
        if not self.events:
            return 0.0
        first = min(event["requestReceivedTimestamp"] for event in self.events)
        return (_moment(max(event["stageTimestamp"] for event in self.events)) - _moment(first)).total_seconds()

    def lists_of_one_collection(self) -> int:
        """The most LISTs of one collection; the pages of a long one are one LIST, and a selection is a collection."""
        queries = [
            (_resource(event), parse_qs(urlsplit(event["requestURI"]).query))
            for event in self.events
            if event["verb"] == "list"
        ]
        first_pages = [
            (resource, *query.get("labelSelector", ())) for resource, query in queries if "continue" not in query
        ]
        return max(Counter(first_pages).values(), default=0)

    def counts(self) -> dict[str, int]:
        """How many of each verb and resource, e.g. "patch deployments"."""
        return dict(sorted(Counter(f"{event['verb']} {_resource(event)}" for event in self.events).items()))

    def _only(self, wanted: Callable[[Event], bool]) -> Self:
        return type(self)(tuple(event for event in self.events if wanted(event)))


def waited(cluster: Cluster, since: dt.datetime, secret: str, releases: Sequence[str]) -> list[float] | None:
    """Seconds from when the change of a Secret was received until each release had been created.

    None while the log has not told of all of them: the API server writes an event just after its answer.
    """
    changed, created = "", {}
    for event in cluster.audit_events(since):
        reference = event.get("objectRef") or {}
        match event["verb"], reference.get("resource"):
            case "patch", "secrets" if reference["name"] == secret:
                changed = changed or event["requestReceivedTimestamp"]
            case "create", "deliveryreleases":
                created[reference["name"]] = event["stageTimestamp"]
    if not changed or not created.keys() >= set(releases):
        return None
    return [(_moment(created[release]) - _moment(changed)).total_seconds() for release in releases]


def percentiles(seconds: Iterable[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile, by nearest rank."""
    ordered = sorted(seconds)
    return {f"p{share}": ordered[max(0, -(-len(ordered) * share // 100) - 1)] for share in (50, 95, 99)}


def _resource(event: Event) -> str:
    """Plural of the resource, with its subresource; for what is no resource, the path."""
    reference = event.get("objectRef")
    if not reference:
        return str(event["requestURI"].partition("?")[0])
    return "/".join(filter(None, (reference["resource"], reference.get("subresource"))))


def _moment(timestamp: str) -> dt.datetime:
    return dt.datetime.fromisoformat(timestamp)

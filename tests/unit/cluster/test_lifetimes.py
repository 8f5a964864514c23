"""Pods from their start to their end: each told of once, in the order and with the losses that watches have."""

from typing import Any

import pytest

from delivery_operator.api.service import KIND as SERVICE_KIND
from delivery_operator.cluster.lifetimes import Lifetimes
from delivery_operator.cluster.store import Store
from delivery_operator.render import names
from tests.unit.support import builders

ORDER = ("shop", "order")
Body = dict[str, Any]

STARTED, ASKED, ENDED, REMOVED = (f"2026-03-01T12:{time}Z" for time in ("00:00", "10:00", "10:04", "10:05"))
DEADLINE, KILLED = "2026-03-01T12:10:23Z", "2026-03-01T12:10:24Z"


class Watched:
    """A store that follows the pods of one service, and what was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.store = Store(Lifetimes(self._began, self._ended))
        self.version = 100
        service = builders.service(builders.spec())
        service["metadata"]["creationTimestamp"] = STARTED
        self.store.put(service)

    def _began(self, pod: Body, seconds: float) -> None:
        self.told.append(f"{pod['metadata']['name']} ready after {seconds:g}")

    def _ended(self, pod: Body, ending: Any) -> None:
        self.told.append(f"{pod['metadata']['name']} {ending.result.value if ending.result else 'unknown'}")

    def pod(self, state: Body, *, uid: str = "u1", release: int = 1, made: str = STARTED, **metadata: Any) -> Body:
        """One version of a pod, newer than those before."""
        self.version += 1
        labels = {names.SERVICE: "order", **builders.process_labels("web", release)}
        return {
            "kind": "Pod",
            "metadata": {
                "name": f"web-{uid}",
                "namespace": "shop",
                "uid": uid,
                "resourceVersion": str(self.version),
                "creationTimestamp": made,
                "labels": labels,
                **metadata,
            },
            "spec": {"terminationGracePeriodSeconds": 23, "containers": [{"name": "order", "readinessProbe": {}}]},
            "status": {"containerStatuses": [{"name": "order", "restartCount": 0, "state": state}]},
        }

    def running(self, **fields: Any) -> Body:
        return self.pod({"running": {"startedAt": STARTED}}, **fields)

    def asked(self, **fields: Any) -> Body:
        return self.running(deletionTimestamp=DEADLINE, deletionGracePeriodSeconds=23, **fields)

    def removed(self, code: int = 0, at: str = ENDED, **fields: Any) -> Body:
        """As the DELETED event has it: what was asked is written over."""
        end = {"exitCode": code, "startedAt": STARTED, "finishedAt": at}
        return self.pod({"terminated": end}, deletionTimestamp=REMOVED, deletionGracePeriodSeconds=0, **fields)

    def replaced(self, code: int = 0, at: str = ENDED, **fields: Any) -> None:
        """A pod comes, is asked to end, and goes."""
        self.store.put(self.running(**fields))
        self.store.put(self.asked(**fields))
        self.store.remove(self.removed(code, at, **fields))

    @property
    def seen(self) -> dict[str, str]:
        return {process: each["result"] for process, each in self.store.lifetimes.of(ORDER).items()}


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_pod_is_told_of_when_it_is_gone(watched: Watched) -> None:
    """The last events of a pod no longer say when it was asked to end."""
    watched.store.put(watched.running())
    watched.store.put(watched.asked())
    assert watched.told == []
    ended = watched.removed()
    watched.store.put({**ended, "metadata": {**ended["metadata"], "resourceVersion": str(watched.version)}})
    assert watched.told == []
    assert watched.store.remove(watched.removed()) == ORDER
    assert watched.told == ["web-u1 Clean"]
    assert watched.seen == {"web": "Clean"}


def test_a_killed_pod_is_told_from_one_that_was_not(watched: Watched) -> None:
    watched.replaced(137, KILLED)
    assert watched.told == ["web-u1 Killed"]


def test_each_pod_is_told_of_once(watched: Watched) -> None:
    """By the watch and by the periodic LIST, whichever comes first, and by a response that was on its way."""
    watched.replaced()
    watched.store.remove(watched.removed())
    watched.store.replace("Pod", None, [], "999")
    assert watched.told == ["web-u1 Clean"]
    watched.store.put(watched.asked(uid="u2"))
    watched.store.replace("Pod", None, [], "999")
    watched.store.remove(watched.removed(uid="u2"))
    assert watched.told == ["web-u1 Clean", "web-u2 unknown"]
    assert watched.seen == {"web": "Clean"}


def test_an_end_that_was_seen_before_a_gap_is_known(watched: Watched) -> None:
    """The watch broke between the end of the containers and the removal of the pod."""
    watched.store.put(watched.asked())
    end = {"exitCode": 137, "startedAt": STARTED, "finishedAt": KILLED}
    watched.store.put(
        watched.pod({"terminated": end}, deletionTimestamp=DEADLINE, deletionGracePeriodSeconds=23), ORDER
    )
    watched.store.replace("Pod", None, [], "999")
    assert watched.told == ["web-u1 Killed"]


def test_a_request_that_fell_into_a_gap_leaves_the_end_unknown(watched: Watched) -> None:
    watched.store.put(watched.running())
    watched.store.remove(watched.removed(137, KILLED))
    assert watched.told == ["web-u1 unknown"]
    assert watched.seen == {}


def test_an_operator_that_starts_meanwhile_learns_what_was_asked(watched: Watched) -> None:
    watched.store.replace("Pod", None, [watched.asked()], "150")
    watched.store.remove(watched.removed())
    assert watched.told == ["web-u1 Clean"]


def test_the_pods_of_a_deleted_namesake_say_nothing_of_the_service(watched: Watched) -> None:
    watched.replaced(137, KILLED, made="2026-02-01T12:00:00Z")
    assert (watched.told, watched.seen) == (["web-u1 Killed"], {})


def test_pods_that_outlive_their_service_are_counted(watched: Watched) -> None:
    watched.store.remove(watched.store.get(SERVICE_KIND, *ORDER) or {}, last_seen=True)
    watched.replaced()
    assert (watched.told, watched.seen) == (["web-u1 Clean"], {})


def test_what_the_status_tells_is_forgotten_and_what_came_since_is_not(watched: Watched) -> None:
    lifetimes = watched.store.lifetimes
    watched.replaced()
    shown = lifetimes.of(ORDER)
    watched.replaced(137, KILLED, uid="u2")
    lifetimes.told(ORDER, shown)
    assert watched.seen == {"web": "Killed"}
    lifetimes.told(ORDER, lifetimes.of(ORDER))
    assert watched.seen == {}
    lifetimes.told(ORDER, shown)
    assert lifetimes.of(ORDER) == {}


def test_many_pods_leave_one_entry_and_nothing_else(watched: Watched) -> None:
    """Memory per service is budgeted (design, section 5)."""
    for number in range(50):
        watched.replaced(uid=f"u{number}")
    lifetimes = watched.store.lifetimes
    assert len(watched.told) == 50
    assert [len(each) for each in lifetimes._seen.values()] == [1]  # noqa: SLF001 what is held is the point
    assert lifetimes._asked == {}  # noqa: SLF001


def test_the_start_of_a_pod_is_told_once(watched: Watched) -> None:
    """F9-1."""

    def with_ready(status: str, since: str) -> Body:
        pod = watched.running()
        pod["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 1}}
        pod["status"]["conditions"] = [{"type": "Ready", "status": status, "lastTransitionTime": since}]
        return pod

    watched.store.put(with_ready("False", STARTED))
    watched.store.put(with_ready("True", "2026-03-01T12:00:07Z"))
    watched.store.put(with_ready("False", "2026-03-01T12:05:00Z"))
    watched.store.put(with_ready("True", "2026-03-01T12:06:00Z"))
    assert watched.told == ["web-u1 ready after 7"]

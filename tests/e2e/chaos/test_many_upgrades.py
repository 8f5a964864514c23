"""Release after release under load, while the operator is killed again and again (invariants 1, 3, 4 and 5)."""

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus

import pytest

from demo import install
from devcluster.errors import DevclusterError
from tests.support.kube import Object
from tests.support.node import OrderShop

RATE = 50
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 20.0
"""Between two kills of the operator: an upgrade takes about twenty."""


@pytest.mark.timeout(3600)
def test_upgrade_after_upgrade_under_load_with_kills(
    order: OrderShop, upgrades: int, seed: int, record_testsuite_property: Callable[[str, object], None]
) -> None:
    """No call fails, each migration runs once, and the history has no gap."""
    first = order.newest_release()["spec"]["number"]
    begun = datetime.now(UTC)
    releases: list[Object] = []
    with order.load(rate=RATE) as result, _kills(order, seed) as killed:
        for number in range(first + 1, first + 1 + upgrades):
            image = f"registry.example.com/shop/order:{'v1.1.0' if (number - first) % 2 else 'v1.0.0'}"
            order.patch({"image": image})
            order.wait_ready(image, seconds=300)
            releases.append(order.newest_release())
            assert _ran_once(order, releases[-1]), order.explain()
        order.wait_gone(releases[-1]["spec"]["number"] - 1)
    assert result["errors"] == []
    assert [each["spec"]["number"] for each in releases] == [*range(first + 1, first + 1 + upgrades)]
    assert _made(order, begun) == {f"{each['metadata']['name']}-migrate": 1 for each in releases}
    assert len(killed) >= result["seconds"] / LONGEST_SECONDS / 2, "kills were to come all the time"
    record_testsuite_property(
        "upgrades", f"{upgrades}: {result['calls']} calls in {result['seconds']} s, {len(killed)} kills of the operator"
    )


@contextlib.contextmanager
def _kills(order: OrderShop, seed: int) -> Iterator[list[str]]:
    """Kill one of the operator's pods at random moments, without a last word."""
    rng, over, killed = random.Random(seed), threading.Event(), list[str]()  # noqa: S311 a test's seeded choices

    def keep_killing() -> None:
        while not over.wait(rng.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)):
            with contextlib.suppress(DevclusterError):  # it has gone meanwhile
                pod = rng.choice(sorted(order.operator_pods()) or [""])
                if pod:
                    arguments = ("-n", install.NAMESPACE, "--grace-period=0", "--force")
                    order.tools.kubectl("delete", "pod", pod, *arguments)
                    killed.append(pod)

    killer = threading.Thread(target=keep_killing, name="kills")
    killer.start()
    try:
        yield killed
    finally:
        over.set()
        killer.join()


def _made(order: OrderShop, begun: datetime) -> Counter[str]:
    """How often each Job was made, as the API server recorded it."""
    return Counter(
        str(event["objectRef"]["name"])
        for event in order.operator_events(begun)
        if event["verb"] == "create"
        and event["objectRef"]["resource"] == "jobs"
        and event["responseStatus"]["code"] == HTTPStatus.CREATED
    )


def _ran_once(order: OrderShop, release: Object) -> bool:
    """Whether the one pod of a migration succeeded, and the Job is the one whose result the release has."""
    job = order.get("job", f"{release['metadata']['name']}-migrate")
    counts = [job["status"].get(count, 0) for count in ("succeeded", "failed", "active")]
    return counts == [1, 0, 0] and job["metadata"]["uid"] == release["status"]["migration"]["uid"]

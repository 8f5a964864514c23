"""Invariant 1: killed before and after every write, the operator converges to what an undisturbed run comes to.

The method is Sieve's (OSDI '22): a reference run counts the writes; then each of them is a plan of its own.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support import shop
from tests.support.kube import Object, wait_for
from tests.support.picture import picture
from tests.support.proxy import Cut, Proxy, When
from tests.support.site import Site

AT_ONCE = 2
MOST_WRITES = 60
QUIET_LOOKS = 8


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    picture: dict[str, Any]
    migrations: list[str]
    writes: list[str]


def first_release(site: Site) -> None:
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))


def upgrade(site: Site) -> None:
    """New image, a process less, a scaled one, and other config."""
    spec: Object = {
        "image": f"{shop.IMAGE}:v1.1.0",
        "processes": {"relay": None, "web": {"replicas": 1}},
        "config": {"LOG_LEVEL": {"value": "debug"}},
    }
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": spec})


def run(site: Site, scenario: str, cut: Cut | None) -> Result:
    """Play a scenario with one kill, and start the operator again, until it is at rest."""
    with Proxy(site.kube.host, str(site.kube.certificate_authority)) as proxy:
        through_proxy = json.loads(json.dumps(site.kubeconfig))
        through_proxy["clusters"][0]["cluster"] = {"server": proxy.url}
        release = "order-r1"
        if scenario == "upgrade":
            first_release(site)
        operator = site.start(through_proxy)
        if scenario == "upgrade":
            shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=90)
            _at_rest(site, proxy)
            release = "order-r2"
        proxy.arm(operator.pid, cut)
        (upgrade if scenario == "upgrade" else first_release)(site)
        if cut is not None:
            fired = wait_for(
                lambda: proxy.fired.is_set() or not operator.running(), f"{cut} of {proxy.writes}", 90, operator.log
            )
            assert fired
            operator.wait(10)
            operator = site.start(through_proxy)
        shop.wait_ready(site.kube, site.namespace, release, seconds=90)
        _at_rest(site, proxy)
        writes = proxy.writes
        operator.kill()
    migrations = sorted(
        pod["metadata"]["labels"]["job-name"]
        for pod in site.kubelet.started.values()
        if "job-name" in pod["metadata"]["labels"]
    )
    return Result(picture(site.kube, site.namespace), migrations, writes)


def _at_rest(site: Site, proxy: Proxy) -> None:
    """Wait until nothing of the service is on its way: old pods gone, dropped children too, and no more writes."""
    number = max(int(each["spec"]["number"]) for each in site.kube.list("DeliveryRelease", site.namespace))
    wait_for(lambda: _only_pods_of(site, number) and _pruned(site), "the old pods and children to go", 30)
    seen: list[int] = []

    def quiet() -> bool:
        seen.append(len(proxy.writes))
        return len(seen) > QUIET_LOOKS and len(set(seen[-QUIET_LOOKS:])) == 1

    wait_for(quiet, "the end of all writes", 30)


def _only_pods_of(site: Site, number: int) -> bool:
    pods = site.kube.list("Pod", site.namespace, "delivery.dev/process")
    return all(pod["metadata"]["labels"]["delivery.dev/release"] == str(number) for pod in pods)


def _pruned(site: Site) -> bool:
    """Whether only what the spec asks for is left."""
    processes = shop.get(site.kube, site.namespace)["spec"]["processes"]
    names = {each["metadata"]["name"] for each in site.kube.list("Deployment", site.namespace)}
    config = site.kube.list("ConfigMap", site.namespace, "delivery.dev/service")
    return names == {f"order-{process}" for process in processes} and len(config) == 1


@pytest.mark.timeout(600)
@pytest.mark.parametrize("when", list(When), ids=lambda when: when.value)
@pytest.mark.parametrize("scenario", ["first release", "upgrade"])
def test_killed_around_every_write(
    open_site: Callable[[], AbstractContextManager[Site]],
    scenario: str,
    when: When,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    with open_site() as site:
        reference = run(site, scenario, None)
    assert 5 < len(reference.writes) < MOST_WRITES, reference.writes
    cuts = [Cut(number, when) for number in range(1, len(reference.writes) + 1)]

    def plan(cut: Cut) -> tuple[Cut, Result]:
        with open_site() as site:
            return cut, run(site, scenario, cut)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for cut, result in pool.map(plan, cuts):
            where = f"{cut.when.value} write {cut.write}, {reference.writes[cut.write - 1]}"
            assert result.picture == reference.picture, where
            assert result.migrations == reference.migrations, where
    record_testsuite_property(f"plans {scenario}, {when.value}", len(cuts))

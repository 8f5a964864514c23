"""Invariant 1: killed before and after every write, the operator converges to what an undisturbed run comes to.

The method is Sieve's (OSDI '22): a reference run counts the writes; then each of them is a plan of its own.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support import shop
from tests.support.kube import Object, condition, wait_for
from tests.support.picture import picture
from tests.support.proxy import Cut, Proxy, When
from tests.support.site import Site

AT_ONCE = 2
MOST_WRITES = 60
QUIET_LOOKS = 8
DEADLINE = 90


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    picture: dict[str, Any]
    jobs: list[str]
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


def run_a_task(site: Site) -> None:
    """A one-off process in the release that serves."""
    metadata = {"name": "seed-1", "namespace": site.namespace}
    body = {"apiVersion": "delivery.dev/v1alpha1", "kind": "DeliveryTask", "metadata": metadata}
    site.kube.create({**body, "spec": {"service": "order", "command": ["order", "seed"]}})


def let_load_decide(site: Site) -> None:
    """From a number of pods to an autoscaler, and one that is not there to be lost."""
    web: Object = {"replicas": None, "scaling": {"min": 2, "max": 5, "cpu": 70}}
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"processes": {"web": web}}})


@dataclass(frozen=True)
class Scenario:
    """What happens to a service.

    Attributes:
        act: what its user does.
        release: the release that serves in the end.
        serves: whether its first release serves before.
    """

    act: Callable[[Site], None]
    release: str
    serves: bool = True


SCENARIOS = {
    "first release": Scenario(first_release, "order-r1", serves=False),
    "upgrade": Scenario(upgrade, "order-r2"),
    "task": Scenario(run_a_task, "order-r1"),
    "autoscaling": Scenario(let_load_decide, "order-r1"),
}


def run(site: Site, scenario: Scenario, cut: Cut | None) -> Result:
    """Play a scenario with one kill, and start the operator again, until it is at rest.

    Events may come together that came apart in the reference run, and then a write less is made: a cut behind the last
    write does not happen, and the run must come to the same all the same.
    """
    with site.proxied() as (proxy, through_proxy):
        if scenario.serves:
            first_release(site)
        operator = site.start(through_proxy)
        if scenario.serves:
            wait_for(Rest(site, proxy, "order-r1"), "the first release at rest", DEADLINE, operator.log)
        proxy.arm(operator.pid, cut)
        scenario.act(site)
        rest = Rest(site, proxy, scenario.release)
        wait_for(lambda: proxy.fired.is_set() or rest(), f"{cut} of {proxy.writes}", DEADLINE, operator.log)
        if proxy.fired.is_set():
            operator.wait(10)
            operator = site.start(through_proxy)
            wait_for(Rest(site, proxy, scenario.release), f"rest after {cut}", DEADLINE, operator.log)
        writes = proxy.writes
        operator.kill()
    jobs = sorted(
        pod["metadata"]["labels"]["job-name"]
        for pod in site.kubelet.started.values()
        if "job-name" in pod["metadata"]["labels"]
    )
    return Result(picture(site.kube, site.namespace), jobs, writes)


@dataclass
class Rest:
    """Whether nothing of the service is on its way: Ready, old pods and dropped children gone, and no more writes."""

    site: Site
    proxy: Proxy
    release: str
    seen: list[int] = field(default_factory=list)

    def __call__(self) -> bool:
        found = self.site.kube.find("DeliveryService", self.site.namespace, "order")
        if found is None or condition(found, "Ready").get("status") != "True":
            return False
        if found["status"]["activeRelease"] != self.release:
            return False
        if found["status"]["observedGeneration"] != found["metadata"]["generation"]:
            return False
        if not _only_pods_of(self.site, found["status"]["number"]) or not _pruned(self.site):
            return False
        if not all(
            each["status"]["phase"] == "Succeeded" for each in self.site.kube.list("DeliveryTask", self.site.namespace)
        ):
            return False
        self.seen.append(len(self.proxy.writes))
        return len(self.seen) > QUIET_LOOKS and len(set(self.seen[-QUIET_LOOKS:])) == 1


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
@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_killed_around_every_write(
    open_site: Callable[[], AbstractContextManager[Site]],
    scenario: str,
    when: When,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    with open_site() as site:
        reference = run(site, SCENARIOS[scenario], None)
    assert 2 < len(reference.writes) < MOST_WRITES, reference.writes
    cuts = [Cut(number, when) for number in range(1, len(reference.writes) + 1)]

    def plan(cut: Cut) -> tuple[Cut, Result]:
        with open_site() as site:
            return cut, run(site, SCENARIOS[scenario], cut)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for cut, result in pool.map(plan, cuts):
            where = f"{cut.when.value} write {cut.write}, {reference.writes[cut.write - 1]}"
            assert result.picture == reference.picture, where
            assert result.jobs == reference.jobs, where
    record_testsuite_property(f"plans {scenario}, {when.value}", len(cuts))

"""Moving between a number of pods and an autoscaler, on a real API server: no pod is lost (F8-2, F8-3)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import shop
from tests.support.kube import Object, wait_for
from tests.support.site import Site

SCALING = {"min": 2, "max": 10, "cpu": 70}


@pytest.fixture
def five(site: Site) -> Site:
    """A service whose web process has five pods."""
    site.start(resync_seconds="1")
    site.kube.create(shop.secret(site.namespace))
    processes = {"web": {"command": ["order", "web"], "port": {"number": 8080}, "replicas": 5}}
    site.kube.create(shop.service(site.namespace, processes=processes))
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    return site


def set_web(site: Site, **changes: Any) -> None:
    patch: Object = {"spec": {"processes": {"web": changes}}}
    site.kube.patch("DeliveryService", site.namespace, "order", patch)


def web(site: Site) -> Object:
    return site.kube.get("Deployment", site.namespace, "order-web")


def autoscale(site: Site, replicas: int) -> None:
    site.kube.autoscale(site.namespace, "order-web", replicas)


def mark(site: Site) -> str:
    """Whose the number is, as the Deployment says."""
    return str(web(site)["metadata"]["annotations"].get("delivery.dev/replicas"))


def seen(site: Site) -> int:
    found: Object = site.kube.get("DeliveryService", site.namespace, "order")
    return int(found["status"]["observedGeneration"])


def owners_of_the_number(site: Site) -> set[str]:
    fields = web(site)["metadata"]["managedFields"]
    return {each["manager"] for each in fields if "f:replicas" in each["fieldsV1"].get("f:spec", {})}


def pods(site: Site) -> set[str]:
    """UIDs of the web process's pods that are not on their way out."""
    found = site.kube.list("Pod", site.namespace, "delivery.dev/process=web")
    return {each["metadata"]["uid"] for each in found if not each["metadata"].get("deletionTimestamp")}


def watch(site: Site, until: Callable[[], object], what: str) -> None:
    """Wait, and fail when the number falls below five on the way."""

    def look() -> object:
        assert web(site)["spec"]["replicas"] >= 5, "pods were lost"
        return until()

    wait_for(look, what)


def test_no_pod_is_lost_on_the_way_to_an_autoscaler_and_its_writes_are_never_undone(five: Site) -> None:
    """application-stacks/runtime-component-operator#68."""
    first = pods(five)
    assert len(first) == 5
    set_web(five, replicas=None, scaling=SCALING)
    watch(five, lambda: five.kube.find("HorizontalPodAutoscaler", five.namespace, "order-web"), "the autoscaler")
    ready = shop.wait_ready(five.kube, five.namespace, "order-r1")
    assert ready["status"]["formation"] == "web=2-10"
    assert web(five)["spec"]["replicas"] == 5
    assert web(five)["metadata"]["annotations"]["delivery.dev/replicas"] == "autoscaled"

    autoscale(five, 8)
    wait_for(lambda: web(five).get("status", {}).get("availableReplicas") == 8, "eight pods")
    assert first <= pods(five), "the first five among them"
    five.kube.patch("DeliveryService", five.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    shop.wait_ready(five.kube, five.namespace, "order-r2", seconds=60)
    assert web(five)["spec"]["replicas"] == 8


def test_no_pod_is_lost_on_the_way_back(five: Site) -> None:
    first = pods(five)
    set_web(five, replicas=None, scaling=SCALING)
    watch(five, lambda: five.kube.find("HorizontalPodAutoscaler", five.namespace, "order-web"), "the autoscaler")
    autoscale(five, 8)
    set_web(five, replicas=6, scaling=None)
    watch(five, lambda: web(five)["spec"]["replicas"] == 6, "six pods")
    wait_for(lambda: five.kube.find("HorizontalPodAutoscaler", five.namespace, "order-web") is None, "no autoscaler")
    wait_for(lambda: len(pods(five)) == 6, "two of the eight gone")
    assert len(first - pods(five)) <= 2, "which two is not said, and it was never less"
    six = pods(five)
    assert "delivery.dev/replicas" not in web(five)["metadata"]["annotations"]
    set_web(five, replicas=None, scaling=SCALING)
    watch(five, lambda: five.kube.find("HorizontalPodAutoscaler", five.namespace, "order-web"), "the autoscaler again")
    assert web(five)["spec"]["replicas"] == 6
    assert pods(five) == six


def test_a_process_that_everybody_set_to_no_pods_gets_one_before_an_autoscaler_has_it(five: Site) -> None:
    """`kubectl patch`, committed afterwards: the number has two owners."""
    five.edit(paused=True)
    paused = five.kube.get("DeliveryService", five.namespace, "order")["metadata"]["generation"]
    wait_for(lambda: seen(five) == paused, "the pause to be noticed")
    five.kube.patch("Deployment", five.namespace, "order-web", {"spec": {"replicas": 0}})
    set_web(five, replicas=0)
    five.edit(paused=False)
    wait_for(lambda: len(owners_of_the_number(five)) == 2, "both to own the number", 30)
    set_web(five, replicas=None, scaling={**SCALING, "min": 1})
    wait_for(lambda: five.kube.find("HorizontalPodAutoscaler", five.namespace, "order-web"), "the autoscaler")
    wait_for(lambda: mark(five) == "autoscaled", "the number to be handed over")
    shop.wait_ready(five.kube, five.namespace, "order-r1")
    assert web(five)["spec"]["replicas"] == 1


def test_an_autoscaled_process_that_somebody_set_to_no_pods_gets_some_again(five: Site) -> None:
    """`kubectl scale --replicas=0`: its autoscaler leaves it so, and a release would wait for ever."""
    set_web(five, replicas=None, scaling=SCALING)
    watch(five, lambda: five.kube.find("HorizontalPodAutoscaler", five.namespace, "order-web"), "the autoscaler")
    shop.wait_ready(five.kube, five.namespace, "order-r1")
    autoscale(five, 0)
    wait_for(lambda: web(five)["spec"]["replicas"] == 2, "its pods at least")
    wait_for(lambda: mark(five) == "autoscaled", "the number to be handed over again")
    shop.wait_ready(five.kube, five.namespace, "order-r1")
    assert web(five)["spec"]["replicas"] == 2

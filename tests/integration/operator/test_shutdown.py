"""How pods end, learned from a real API server: clean, failed, killed, or not known (F9-3, F9-10)."""

import pytest

from tests.support import shop
from tests.support.kube import Object, condition, wait_for
from tests.support.kubelet import End, Stops, Vanishes
from tests.support.operator import OperatorProcess, free_port
from tests.support.site import Site

GRACE = 3
SHUTDOWN = {"preStopSeconds": 0, "drainSeconds": 1, "graceSeconds": GRACE}
REPLICAS = {"web": 2, "relay": 1}
PROCESSES = {
    "web": {"command": ["order", "web"], "port": {"number": 8080}, "replicas": REPLICAS["web"], "shutdown": SHUTDOWN},
    "relay": {"command": ["order", "relay"], "shutdown": SHUTDOWN},
}
TOO_LONG = 60.0


@pytest.fixture
def operator(site: Site) -> OperatorProcess:
    """An operator with a service that serves."""
    run = site.start(http_port=str(free_port()), resync_seconds="2")
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace, processes=PROCESSES))
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    return run


def process(pod: Object) -> str:
    return str(pod["metadata"]["labels"].get("delivery.dev/process", ""))


def pods(site: Site, of: str) -> list[Object]:
    """The pods of a process that are not on their way out."""
    found = site.kube.list("Pod", site.namespace, f"delivery.dev/process={of}")
    return [each for each in found if not each["metadata"].get("deletionTimestamp")]


def replace(site: Site, of: str, grace: int | None = None) -> None:
    """Delete a pod, and wait until it is gone and its successor is ready."""
    gone = pods(site, of)[0]
    site.kube.delete("Pod", site.namespace, gone["metadata"]["name"], grace=grace)

    def replaced() -> bool:
        listed = site.kube.list("Pod", site.namespace, f"delivery.dev/process={of}")
        others = [each for each in listed if each["metadata"]["uid"] != gone["metadata"]["uid"]]
        ready = all(condition(each, "Ready").get("status") == "True" for each in others)
        return len(others) == len(listed) == REPLICAS[of] and ready

    wait_for(replaced, f"another pod of {of}", 60)


def wait_told(site: Site, status: str, reason: str) -> Object:
    def look() -> Object | None:
        told = condition(shop.get(site.kube, site.namespace), "ShutdownClean")
        return told if (told.get("status"), told.get("reason")) == (status, reason) else None

    return wait_for(
        look, f"ShutdownClean={status}, {reason}", 30, lambda: shop.get(site.kube, site.namespace)["status"]
    )


def counted(operator: OperatorProcess, site: Site) -> dict[str, float]:
    """The pods counted so far, by result."""
    name = f'delivery_operator_pod_shutdowns_total{{namespace="{site.namespace}",result="'
    lines = [line.removeprefix(name) for line in operator.read("/metrics").splitlines() if line.startswith(name)]
    return {line.split('"')[0]: float(line.split()[-1]) for line in lines}


def wait_counted(operator: OperatorProcess, site: Site, **results: int) -> None:
    wait_for(lambda: counted(operator, site) == results, f"{results}", 30, lambda: counted(operator, site))


def test_pods_that_end_in_time_and_pods_that_are_killed(site: Site, operator: OperatorProcess) -> None:
    ends: dict[str, End] = {"web": Stops(), "relay": Stops(TOO_LONG)}
    site.kubelet.end = lambda pod: ends[process(pod)]
    replace(site, "web")
    told = wait_told(site, "True", "InTime")
    assert "web within" in told["message"]
    assert f"of {GRACE} seconds" in told["message"]

    replace(site, "relay")
    told = wait_told(site, "False", "KilledAtDeadline")
    killed = f"process relay of release order-r1 was killed (exit code 137) when its grace of {GRACE} seconds was over"
    assert killed in told["message"]
    ready = condition(shop.get(site.kube, site.namespace), "Ready")
    assert ready["status"] == "True", "it is no reason to take anything down"
    wait_counted(operator, site, clean=1, killed=1)
    (line,) = operator.events(lambda event: event["message"] == "pod did not end well")
    assert (line["process"], line["result"], line["exit_code"]) == ("relay", "killed", 137)
    assert line["seconds"] >= GRACE
    metrics = operator.read("/metrics")
    count = f'delivery_operator_pod_start_seconds_count{{namespace="{site.namespace}"}}'
    assert f"{count} 3.0" in metrics, "two pods and a successor; the relay has no probe"
    assert f'delivery_operator_pod_shutdown_seconds_count{{namespace="{site.namespace}"}} 2.0' in metrics

    # A release in which the process ends in time, of which a pod was seen to end, mends it.
    ends["relay"] = Stops()
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    shop.wait_ready(site.kube, site.namespace, "order-r2", seconds=60)
    wait_told(site, "False", "KilledAtDeadline")
    replace(site, "relay")
    wait_told(site, "True", "InTime")


def test_an_error_is_told_from_a_kill(site: Site, operator: OperatorProcess) -> None:
    site.kubelet.end = lambda _: Stops(1, code=2)
    replace(site, "relay")
    told = wait_told(site, "False", "EndedWithError")
    assert "ended in time, but with exit code 2" in told["message"]
    wait_counted(operator, site, failed=1)


def test_what_cannot_be_known_is_not_told(site: Site, operator: OperatorProcess) -> None:
    """A lost node, a forced deletion, and a grace that somebody cut short."""
    site.kubelet.end = lambda _: Vanishes()
    replace(site, "web")
    replace(site, "web", grace=0)
    site.kubelet.end = lambda _: Stops(TOO_LONG)
    replace(site, "web", grace=1)
    wait_counted(operator, site, unknown=3)
    assert "shutdown" not in shop.get(site.kube, site.namespace)["status"]


def test_pods_that_come_and_go_are_one_write(site: Site, operator: OperatorProcess) -> None:
    """Invariant 2: an autoscaler's pods come and go all day; and a restart of the operator tells nothing again."""
    site.kubelet.end = lambda _: Stops(TOO_LONG)
    scaled = {"replicas": None, "scaling": {"min": 1, "max": 5, "cpu": 70}}
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"processes": {"web": scaled}}})
    wait_for(lambda: site.kube.find("HorizontalPodAutoscaler", site.namespace, "order-web"), "the autoscaler")
    scale(site, 1)
    told = wait_told(site, "False", "KilledAtDeadline")
    site.wait_told("KilledAtDeadline")
    before = len(site.writes())
    for number in (3, 1, 2, 1):
        scale(site, number)
    wait_counted(operator, site, killed=4)
    site.wait_for_lists(2)
    assert [event["requestURI"] for event in site.writes()[before:]] == []

    assert operator.stop() == 0
    scale(site, 2)
    scale(site, 1)  # nobody sees it
    site.start(resync_seconds="1")
    site.wait_for_lists(3)
    assert [event["requestURI"] for event in site.writes()[before:]] == []
    assert condition(shop.get(site.kube, site.namespace), "ShutdownClean") == told


def scale(site: Site, replicas: int) -> None:
    """Scale the web process, and wait until as many pods are there."""
    site.kube.autoscale(site.namespace, "order-web", replicas)

    def there() -> bool:
        listed = site.kube.list("Pod", site.namespace, "delivery.dev/process=web")
        return len(listed) == replicas and all(condition(each, "Ready").get("status") == "True" for each in listed)

    def listed() -> list[Object]:
        return [site.kube.get("Deployment", site.namespace, "order-web"), *site.kube.list("Pod", site.namespace)]

    wait_for(there, f"{replicas} pods of web", 60, listed)

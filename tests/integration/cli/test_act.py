"""Commands that act: the world is as they say afterwards, and so is the object of the user."""

import pytest

from tests.integration.cli.conftest import Delivery
from tests.support import shop
from tests.support.kube import Object, condition, wait_for
from tests.support.kubelet import Exits, Runs, usual
from tests.support.site import Site

TASKS = {"seed": {"command": ["order", "seed"], "timeoutSeconds": 60}}


@pytest.fixture
def served(site: Site) -> Site:
    """A site whose service serves its first release."""
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace, tasks=TASKS))
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    return site


def change(site: Site, **spec: object) -> None:
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": spec})


def image(site: Site, deployment: str = "order-web") -> str:
    template = site.kube.get("Deployment", site.namespace, deployment)["spec"]["template"]
    return str(template["spec"]["containers"][0]["image"])


def task_pods(pod: Object) -> bool:
    return bool(pod["metadata"]["labels"].get("delivery.dev/role") == "task")


def test_rollback_serves_the_release_before_and_forward_the_spec_again(served: Site, delivery: Delivery) -> None:
    """F5-4."""
    change(served, image=f"{shop.IMAGE}:v1.1.0")
    shop.wait_ready(served.kube, served.namespace, "order-r2")

    ended = delivery("rollback", "order")
    assert ended.code == 0
    assert ended.out == "order goes back to release 1; kubectl delivery wait order tells when it serves\n"
    assert shop.get(served.kube, served.namespace)["spec"]["release"]["rollbackTo"] == 1
    shop.wait_ready(served.kube, served.namespace, "order-r3")
    assert image(served) == f"{shop.IMAGE}:v1.0.0"
    newest = delivery("releases", "order", "-o", "json").json()[0]
    assert (newest["number"], newest["copyOf"], newest["madeBecause"]) == (3, 1, "Rollback")
    assert delivery("rollback", "order").code == 1, "nothing served before the first release"

    assert delivery("rollback", "order", "--forward").code == 0
    assert "rollbackTo" not in shop.get(served.kube, served.namespace)["spec"]["release"]
    shop.wait_ready(served.kube, served.namespace, "order-r4")
    assert image(served) == f"{shop.IMAGE}:v1.1.0"


def test_rollback_behind_a_contract_step_needs_force_and_says_what_may_break(served: Site, delivery: Delivery) -> None:
    """F5-6: refused before any write, and lifted for this release only."""
    contract = {"command": ["order", "migrate", "--contract"], "backoffLimit": 0}
    change(served, image=f"{shop.IMAGE}:v1.1.0", release={"contract": contract})
    shop.wait_ready(served.kube, served.namespace, "order-r2")

    def contracted() -> bool:
        status = served.kube.get("DeliveryRelease", served.namespace, "order-r2")["status"]
        return bool(status.get("contract", {}).get("result") == "Succeeded")

    wait_for(contracted, "the contract step", 60)
    declined = delivery("rollback", "order", "1")
    assert (declined.code, "before the contract step of release 2" in declined.err) == (1, True)
    assert "rollbackTo" not in shop.get(served.kube, served.namespace)["spec"]["release"]

    forced = delivery("rollback", "order", "1", "--force")
    assert forced.code == 0
    assert "its processes may fail" in forced.err
    annotations = shop.get(served.kube, served.namespace)["metadata"]["annotations"]
    assert annotations["delivery.dev/force-rollback"] == "order-r1"
    shop.wait_ready(served.kube, served.namespace, "order-r3")
    assert image(served) == f"{shop.IMAGE}:v1.0.0"

    assert delivery("rollback", "order", "--forward").code == 0
    assert "annotations" not in shop.get(served.kube, served.namespace)["metadata"], "it lifts nothing any more"
    assert delivery("rollback", "order", "--forward", "--force").code == 2


def test_rollback_to_what_is_not_there_changes_nothing(served: Site, delivery: Delivery) -> None:
    before = shop.get(served.kube, served.namespace)["metadata"]["generation"]
    assert delivery("rollback", "order").code == 1
    assert delivery("rollback", "order", "7").code == 4
    assert delivery("rollback", "order", "--forward").code == 1
    assert delivery("rollback", "order", "1", "--forward").code == 2
    assert shop.get(served.kube, served.namespace)["metadata"]["generation"] == before


def test_retry_migrates_again_once_what_was_wrong_is_mended(served: Site, delivery: Delivery) -> None:
    declined = delivery("retry", "order")
    assert (declined.code, declined.err.split(";")[0]) == (
        1,
        "error: there is nothing to retry: its newest release order-r1 is Active",
    )
    served.kubelet.fate = lambda pod: Exits(1, "locked") if "job-name" in pod["metadata"]["labels"] else Runs()
    change(served, image=f"{shop.IMAGE}:v1.1.0")
    shop.wait_reason(served.kube, served.namespace, "MigrationFailed")
    served.kubelet.fate = usual
    assert delivery("retry", "order").code == 0
    shop.wait_ready(served.kube, served.namespace, "order-r3")
    assert image(served) == f"{shop.IMAGE}:v1.1.0"


def test_restart_replaces_the_pods_and_makes_no_release(served: Site, delivery: Delivery) -> None:
    def pods() -> set[str]:
        found = served.kube.list("Pod", served.namespace, "delivery.dev/process=web")
        return {each["metadata"]["uid"] for each in found if not each["metadata"].get("deletionTimestamp")}

    before = pods()
    relay = served.kube.get("Deployment", served.namespace, "order-relay")["metadata"]["generation"]
    assert delivery("restart", "order", "web").out == "order-web is restarted\n"
    wait_for(lambda: len(pods()) == 2 and not pods() & before, "two new pods of web", 60)
    shop.wait_ready(served.kube, served.namespace, "order-r1")
    template = served.kube.get("Deployment", served.namespace, "order-web")["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"], "the operator leaves it alone"
    assert served.kube.get("Deployment", served.namespace, "order-relay")["metadata"]["generation"] == relay
    assert delivery("restart", "order", "mail").code == 4


def test_scale_changes_the_number_at_once_and_makes_no_release(served: Site, delivery: Delivery) -> None:
    """F8-3."""
    assert delivery("scale", "order", "web=3", "relay=0").code == 0
    wait_for(
        lambda: (
            served.kube.get("Deployment", served.namespace, "order-web")["spec"]["replicas"] == 3
            and served.kube.get("Deployment", served.namespace, "order-relay")["spec"]["replicas"] == 0
        ),
        "three and none",
    )
    assert shop.wait_ready(served.kube, served.namespace, "order-r1")["status"]["release"] == "order-r1"
    assert delivery("scale", "order", "mail=3").code == 4
    assert delivery("scale", "order", "web").code == 2
    assert delivery("scale", "order", "web=1-3").code == 1


def test_scale_sets_the_bounds_of_a_process_that_is_scaled_by_load(served: Site, delivery: Delivery) -> None:
    web = {"replicas": None, "scaling": {"min": 1, "max": 2, "cpu": 70}}
    change(served, processes={"web": web})
    assert delivery("scale", "order", "web=3").code == 1
    assert delivery("scale", "order", "web=2-4").code == 0

    def bounds() -> bool:
        found = served.kube.find("HorizontalPodAutoscaler", served.namespace, "order-web")
        return bool(found and (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (2, 4))

    wait_for(bounds, "the autoscaler's bounds")


@pytest.mark.usefixtures("served")
def test_what_the_api_server_refuses_is_told_in_its_words(delivery: Delivery) -> None:
    ended = delivery("scale", "order", "web=1001")
    assert ended.code == 5
    assert ended.err.startswith('error: DeliveryService.delivery.dev "order" is invalid: spec.processes.web.replicas')
    assert ended.err.count("\n") == 1


def test_run_ends_with_the_exit_code_and_prints_the_output(served: Site, delivery: Delivery) -> None:
    """F12-1, F12-2."""
    served.kubelet.fate = lambda pod: Exits(3, "no rows") if task_pods(pod) else usual(pod)
    ended = delivery("run", "order", "seed")
    assert ended.code == 3
    assert ended.out == "no rows\n"
    [task] = served.kube.list("DeliveryTask", served.namespace)
    assert task["spec"]["task"] == "seed"
    assert task["spec"]["ttlSecondsAfterFinished"] == 86400
    assert task["status"]["exitCode"] == 3

    served.kubelet.fate = lambda pod: Exits(0, "done") if task_pods(pod) else usual(pod)
    ended = delivery("run", "order", "--", "order", "report", "--all")
    assert (ended.code, ended.out) == (0, "done\n")
    [pod] = [
        each
        for each in served.kubelet.started.values()
        if task_pods(each) and each["metadata"]["name"].startswith("order-run-")
    ]
    assert pod["spec"]["containers"][0]["command"] == ["order", "report", "--all"]


def test_run_detached_prints_the_name_and_adds_arguments(served: Site, delivery: Delivery) -> None:
    ended = delivery("run", "order", "seed", "--detach", "--", "--rows", "5")
    assert ended.code == 0
    task = served.kube.get("DeliveryTask", served.namespace, ended.out.strip())
    assert task["spec"]["args"] == ["--rows", "5"]
    assert delivery("run", "order").code == 2
    assert delivery("run", "order", "clean").code == 4
    runs = delivery("describe", "order", "-o", "json").json()["runs"]
    assert [each["name"] for each in runs] == [ended.out.strip()]


def test_the_user_owns_what_the_command_line_writes(served: Site, delivery: Delivery) -> None:
    delivery("scale", "order", "web=1")
    managers = {each["manager"] for each in shop.get(served.kube, served.namespace)["metadata"]["managedFields"]}
    assert "kubectl-delivery" in managers
    assert condition(shop.get(served.kube, served.namespace), "Ready")

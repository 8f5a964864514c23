"""What the spec says about releases, on a real API server: back to one, again, the contract step, pausing."""

import pytest

from delivery_operator.render.manifests import unpack
from tests.support import shop
from tests.support.kube import Object, condition, wait_for
from tests.support.kubelet import Exits, Hangs, Runs, usual
from tests.support.site import Site

CONTRACT = {"command": ["order", "migrate", "--contract"], "backoffLimit": 0}


@pytest.fixture
def serving(site: Site) -> Site:
    site.start(resync_seconds="1")
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    return site


def release(site: Site, number: int) -> Object:
    return site.kube.get("DeliveryRelease", site.namespace, f"order-r{number}")


def images(site: Site) -> set[str]:
    deployments = site.kube.list("Deployment", site.namespace)
    return {each["spec"]["template"]["spec"]["containers"][0]["image"] for each in deployments}


def test_back_to_an_earlier_release_and_forth(serving: Site) -> None:
    """F5-4: a copy, manifests and all; no migration; as long as the spec says so."""
    serving.edit(image=f"{shop.IMAGE}:v1.1.0")
    shop.wait_ready(serving.kube, serving.namespace, "order-r2", seconds=60)
    serving.edit(release={"rollbackTo": 1})
    shop.wait_ready(serving.kube, serving.namespace, "order-r3", seconds=60)
    copy, source = release(serving, 3)["spec"], release(serving, 1)["spec"]
    assert copy["copyOf"] == 1
    assert unpack(copy["manifests"]) == unpack(source["manifests"])
    assert images(serving) == {f"{shop.IMAGE}:v1.0.0"}
    assert not serving.kubelet.started_of("job-name", "order-r3-migrate")
    serving.wait_told("ReleaseActive", "order-r3")
    before = len(serving.writes())
    serving.wait_for_lists(3)
    assert len(serving.writes()) == before, "it is no loop"

    serving.edit(release={"rollbackTo": None})
    shop.wait_ready(serving.kube, serving.namespace, "order-r4", seconds=60)
    assert images(serving) == {f"{shop.IMAGE}:v1.1.0"}
    serving.edit(release={"rollbackTo": 99})
    found = shop.wait_reason(serving.kube, serving.namespace, "RollbackTargetMissing")
    assert condition(found, "Stalled")["status"] == "True"


def test_the_contract_step_comes_last_and_closes_the_way_back(serving: Site) -> None:
    """PG-4, F5-6."""
    serving.edit(image=f"{shop.IMAGE}:v1.1.0", release={"contract": CONTRACT})
    shop.wait_ready(serving.kube, serving.namespace, "order-r2", seconds=60)
    wait_for(
        lambda: release(serving, 2)["status"].get("contract", {}).get("result") == "Succeeded", "the contract step", 60
    )
    older = serving.kube.list("Pod", serving.namespace, "delivery.dev/process,delivery.dev/release=1")
    assert older == [], "it is run when the last older pod has gone"
    assert len(serving.kubelet.started_of("job-name", "order-r2-contract")) == 1
    serving.edit(release={"rollbackTo": 1})
    found = shop.wait_reason(serving.kube, serving.namespace, "RollbackRefused")
    assert "the contract step of release 2" in condition(found, "Stalled")["message"]
    assert images(serving) == {f"{shop.IMAGE}:v1.1.0"}


def test_a_contract_step_that_fails_takes_nothing_down(serving: Site) -> None:
    serving.kubelet.fate = lambda pod: (
        Exits(3, "column is in use") if pod["metadata"]["labels"].get("delivery.dev/role") == "contract" else usual(pod)
    )
    serving.edit(release={"contract": CONTRACT})

    def failed() -> Object | None:
        found = shop.get(serving.kube, serving.namespace)
        return found if condition(found, "ContractSucceeded").get("reason") == "ContractFailed" else None

    found = wait_for(failed, "the failure to be told", 60)
    assert "column is in use" in condition(found, "ContractSucceeded")["message"]
    assert condition(found, "Ready")["status"] == "True"


def test_a_failed_release_is_tried_again_without_a_change_of_the_spec(serving: Site) -> None:
    """fluxcd/flux2#1878."""
    serving.kubelet.fate = lambda pod: Exits(3, "no") if "job-name" in pod["metadata"]["labels"] else Runs()
    serving.edit(image=f"{shop.IMAGE}:v1.1.0")
    shop.wait_reason(serving.kube, serving.namespace, "MigrationFailed")
    serving.kubelet.fate = usual
    annotation = {"metadata": {"annotations": {"delivery.dev/retry": "order-r2"}}}
    serving.kube.patch("DeliveryService", serving.namespace, "order", annotation)
    shop.wait_ready(serving.kube, serving.namespace, "order-r3", seconds=60)
    assert release(serving, 3)["spec"]["reason"] == "Retry"


def test_while_paused_nothing_is_written_but_the_status(serving: Site) -> None:
    serving.edit(paused=True)
    wait_for(
        lambda: condition(shop.get(serving.kube, serving.namespace), "Ready").get("reason") == "Paused", "the pause"
    )
    before = len(serving.writes())
    serving.edit(image=f"{shop.IMAGE}:v1.1.0")
    serving.kube.delete("Deployment", serving.namespace, "order-relay")
    wait_for(
        lambda: condition(shop.get(serving.kube, serving.namespace), "Ready").get("status") == "False",
        "the lost pods to be told",
    )
    serving.wait_for_lists(2)
    written = {event["objectRef"]["resource"] for event in serving.writes()[before:]}
    assert written - {"events"} == {"deliveryservices"}
    serving.edit(paused=False)
    shop.wait_ready(serving.kube, serving.namespace, "order-r2", seconds=60)
    assert serving.kube.find("Deployment", serving.namespace, "order-relay")


def test_a_process_becomes_scheduled_and_a_worker_again(serving: Site) -> None:
    relay = {"command": ["order", "relay"]}
    serving.edit(processes={"relay": {"schedule": "*/10 * * * *"}})
    shop.wait_ready(serving.kube, serving.namespace, "order-r2", seconds=60)
    assert serving.kube.find("CronJob", serving.namespace, "order-relay")
    wait_for(lambda: serving.kube.find("Deployment", serving.namespace, "order-relay") is None, "no worker")
    serving.edit(processes={"relay": {**relay, "schedule": None, "singleton": True}})
    shop.wait_ready(serving.kube, serving.namespace, "order-r3", seconds=60)
    wait_for(lambda: serving.kube.find("CronJob", serving.namespace, "order-relay") is None, "no schedule")
    strategy = serving.kube.get("Deployment", serving.namespace, "order-relay")["spec"]["strategy"]
    assert strategy == {"type": "Recreate"}
    serving.edit(processes={"relay": {"singleton": None}})
    shop.wait_ready(serving.kube, serving.namespace, "order-r4", seconds=60)
    strategy = serving.kube.get("Deployment", serving.namespace, "order-relay")["spec"]["strategy"]
    assert strategy["type"] == "RollingUpdate"


def test_whole_objects_are_followed(serving: Site) -> None:
    """configFrom: a key more in the Secret is another release."""
    serving.edit(configFrom=[{"name": "stripe", "secret": "stripe", "prefix": "STRIPE_"}])
    found = shop.wait_reason(serving.kube, serving.namespace, "SecretMissing")
    assert "Secret stripe does not exist (needed for configFrom stripe)" in condition(found, "ConfigReady")["message"]
    serving.kube.create(shop.secret(serving.namespace, "stripe"))
    shop.wait_ready(serving.kube, serving.namespace, "order-r2", seconds=60)
    serving.kube.patch("Secret", serving.namespace, "stripe", {"stringData": {"another": "key"}})
    shop.wait_ready(serving.kube, serving.namespace, "order-r3", seconds=60)


def test_the_next_migration_waits_for_a_contract_step(serving: Site) -> None:
    """Invariant 3."""
    serving.kubelet.fate = lambda pod: (
        Hangs() if pod["metadata"]["labels"].get("delivery.dev/role") == "contract" else usual(pod)
    )
    serving.edit(release={"contract": CONTRACT})
    wait_for(lambda: serving.kubelet.started_of("job-name", "order-r2-contract"), "the contract step", 60)
    serving.edit(image=f"{shop.IMAGE}:v1.1.0")
    shop.wait_reason(serving.kube, serving.namespace, "MigrationOfOlderRelease")
    assert serving.kube.find("Job", serving.namespace, "order-r3-migrate") is None
    serving.kubelet.fate = usual
    shop.wait_ready(serving.kube, serving.namespace, "order-r3", seconds=60)

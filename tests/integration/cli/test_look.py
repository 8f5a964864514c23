"""Commands that look: what they tell is what is in the cluster."""

from typing import Any

from delivery_operator.cluster.resources import LEASES
from tests.integration.cli.conftest import Delivery
from tests.support import shop
from tests.support.kube import Object, wait_for
from tests.support.kubelet import Exits, Hangs, Runs, usual
from tests.support.site import Site

CRON = {"command": ["order", "sweep"], "schedule": "*/10 * * * *"}


def deliver(site: Site, **spec: Any) -> None:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace, **spec))
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)


def fail_migrations(site: Site) -> None:
    site.kubelet.fate = lambda pod: (
        Exits(7, "no such table: orders") if "job-name" in pod["metadata"]["labels"] else Runs()
    )


def _available(site: Site, deployment: str) -> int:
    status = site.kube.get("Deployment", site.namespace, deployment)["status"]
    return int(status.get("availableReplicas", 0))


def test_ps_lists_running_scaled_and_scheduled_processes(site: Site, delivery: Delivery) -> None:
    processes = shop.service(site.namespace)["spec"]["processes"]
    processes["web"] = {**processes["web"], "scaling": {"min": 2, "max": 5, "cpu": 70}}
    del processes["web"]["replicas"]
    deliver(site, processes={**processes, "sweep": CRON})
    # The autoscaler brings the second pod.
    wait_for(lambda: _available(site, "order-web") == 2, "two pods of web", 60)

    told = {each["process"]: each for each in delivery("ps", "order", "-o", "json").json()}
    assert {name: (each.get("wanted"), each.get("ready")) for name, each in told.items()} == {
        "relay": (1, 1),
        "sweep": (None, None),
        "web": (2, 2),
    }
    assert told["web"]["scaling"] == {"min": 2, "max": 5}
    assert told["web"]["image"] == f"{shop.IMAGE}:v1.0.0"
    assert told["web"]["release"] == 1
    assert told["sweep"]["schedule"] == CRON["schedule"]
    assert told["sweep"]["nextRun"]

    page = delivery("ps")
    assert page.code == 0
    assert "2/2" in page.out
    assert "*/10 * * * *" in page.out


def test_releases_tell_what_became_of_each(site: Site, delivery: Delivery) -> None:
    deliver(site)
    fail_migrations(site)
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    shop.wait_reason(site.kube, site.namespace, "MigrationFailed")

    found = delivery("releases", "order", "-o", "json").json()
    assert [(each["number"], each["phase"], each["serves"]) for each in found] == [
        (2, "Failed", False),
        (1, "Active", True),
    ]
    assert found[0]["reason"] == "MigrationFailed"
    assert found[1]["migration"]["schemaHead"] == "0001"
    page = delivery("releases", "order").out
    assert "MigrationFailed" in page
    assert f"{shop.IMAGE}:v1.1.0" in page


def test_describe_puts_problems_first_with_their_remedy(site: Site, delivery: Delivery) -> None:
    deliver(site, tasks={"seed": {"command": ["order", "seed"]}})
    healthy = delivery("describe", "order")
    assert healthy.out.startswith(f"order in {site.namespace}: Ready\n")
    assert "Problems" not in healthy.out
    assert "Secret db" in healthy.out
    assert "Tasks: seed" in healthy.out

    fail_migrations(site)
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    shop.wait_reason(site.kube, site.namespace, "MigrationFailed")
    page = delivery("describe", "order")
    assert page.out.startswith(f"order in {site.namespace}: Stalled\n")
    assert page.out.index("Problems") < page.out.index("Releases")
    assert "no such table: orders" in page.out
    assert "MigrationFailed, DeliveryRelease order-r2: " in page.out
    assert "`kubectl delivery retry order`" in page.out
    told = delivery("describe", "order", "-o", "json").json()
    assert [each["reason"] for each in told["problems"]] == ["MigrationFailed"]
    assert told["activeRelease"] == "order-r1"


def test_no_secret_value_is_told(site: Site, delivery: Delivery) -> None:
    """Invariant 8."""
    deliver(site)
    for words in (("describe", "order"), ("ps",), ("releases", "order"), ("doctor",)):
        for form in ((), ("-o", "json"), ("-o", "yaml")):
            ended = delivery(*words, *form)
            assert shop.PASSWORD not in ended.out + ended.err


def test_wait_ends_when_the_service_serves(site: Site, delivery: Delivery) -> None:
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    ended = delivery("wait", "order", "--timeout", "60s")
    assert ended.code == 0
    assert ended.out == "order: Serving: release order-r1 serves\n"
    assert shop.get(site.kube, site.namespace)["status"]["activeRelease"] == "order-r1"


def test_wait_tells_what_is_missing_and_that_the_time_is_up(site: Site, delivery: Delivery) -> None:
    site.start()
    site.kube.create(shop.service(site.namespace))
    shop.wait_reason(site.kube, site.namespace, "SecretMissing")
    ended = delivery("wait", "order", "--timeout", "1s")
    assert ended.code == 7
    assert "order: SecretMissing: Secret db does not exist" in ended.err
    assert ended.err.splitlines()[-1].startswith("error: order was not Ready within 1s: SecretMissing")


def test_wait_ends_with_the_cause_when_the_service_is_stalled(site: Site, delivery: Delivery) -> None:
    fail_migrations(site)
    site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    ended = delivery("wait", "order", "--timeout", "60s")
    assert ended.code == 1
    assert "order is Stalled: MigrationFailed" in ended.err
    assert "no such table: orders" in ended.err


def test_wait_for_another_condition(site: Site, delivery: Delivery) -> None:
    site.start()
    site.kube.create(shop.service(site.namespace))
    assert delivery("wait", "order", "--for", "ConfigReady=False", "--timeout", "30s").code == 0
    assert delivery("wait", "order", "--for", "ConfigReady=No").code == 2


def test_a_service_that_is_not_there_and_one_that_no_operator_answers(site: Site, delivery: Delivery) -> None:
    ended = delivery("describe", "nobody")
    assert ended.code == 4
    assert ended.err == (
        f"error: there is no DeliveryService nobody in namespace {site.namespace}; "
        "kubectl delivery ps lists those there are; -n names another namespace\n"
    )
    site.kube.create(shop.service(site.namespace))
    assert "NoAnswer" in delivery("describe", "order").out


def test_doctor_finds_the_kinds_and_services_that_are_stalled(site: Site, delivery: Delivery) -> None:
    deliver(site)
    findings = delivery("doctor", "-o", "json").json()
    assert {each["grade"] for each in findings if each["check"] == "kinds"} == {"ok"}
    assert {each["grade"] for each in findings if each["check"] == "services"} == {"ok"}

    fail_migrations(site)
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
    shop.wait_reason(site.kube, site.namespace, "MigrationFailed")
    told = delivery("doctor")
    assert "problem  services: order: MigrationFailed, DeliveryRelease order-r2: " in told.out
    assert "`kubectl delivery retry order`" in told.out
    assert told.code == 1


def test_doctor_compares_services(site: Site, delivery: Delivery) -> None:
    """F1-3, F4-5, F10-2."""
    codebase = {"repository": f"https://git.example.com/{site.namespace}/order", "revision": "v1.0.0"}
    site.kube.create(shop.service(site.namespace, codebase=codebase))

    def said() -> dict[str, list[Object]]:
        found = delivery("doctor", "-o", "json").json()
        return {check: [each for each in found if each["check"] == check] for check in ("neighbours", "environments")}

    assert [each["grade"] for each in said()["neighbours"]] == ["ok"]
    other = shop.service(site.namespace, codebase=codebase)
    site.kube.create({**other, "metadata": {**other["metadata"], "name": "payment"}})
    (finding,) = said()["neighbours"]
    assert finding["grade"] == "warning"
    assert finding["says"].startswith("services order, payment are built from one codebase")
    assert said()["environments"]


def test_doctor_looks_at_the_operators_deployment_and_key(site: Site, delivery: Delivery) -> None:
    labels = {"app.kubernetes.io/name": "delivery-operator"}
    site.kubelet.fate = lambda _: Hangs()
    site.kube.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "delivery-operator", "namespace": site.namespace, "labels": labels},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "operator", "image": "operator:v1"}]},
                },
            },
        }
    )
    where = f"{site.namespace}/delivery-operator"

    def said() -> str:
        return delivery("doctor").out

    wait_for(lambda: f"problem  operator: {where} has no ready pod of 1" in said(), "the operator's Deployment")
    site.kubelet.fate = usual
    wait_for(lambda: f"ok       operator: {where} runs, 1 of 1 ready" in said(), "the operator's pod")
    assert f"Secret {site.namespace}/delivery-operator-hash-key is missing" in said()
    key = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "delivery-operator-hash-key"}}
    key["metadata"]["namespace"] = site.namespace  # type: ignore[index]
    site.kube.create(key)
    assert f"ok       hash key: Secret {site.namespace}/delivery-operator-hash-key is there" in said()


def test_doctor_says_who_leads(site: Site, delivery: Delivery) -> None:
    labels = {"app.kubernetes.io/name": "delivery-operator"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "operator", "image": "operator:v1"}]}}
    metadata = {"name": "delivery-operator", "namespace": site.namespace}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    site.kube.create(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {**metadata, "labels": labels}, "spec": spec}
    )
    where = f"{site.namespace}/delivery-operator"

    def said() -> str:
        return delivery("doctor").out

    def pods() -> list[str]:
        return [each["metadata"]["name"] for each in site.kube.list("Pod", site.namespace)]

    assert f"problem  leader: no replica of {where} leads, so none works" in said()
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
    site.kube.request("POST", LEASES.path(site.namespace), {**lease, "spec": {"holderIdentity": "operator-gone"}})
    assert f"warning  leader: operator-gone led {where} and is gone" in said()
    wait_for(pods, "the operator's pod", 30)
    (pod,) = pods()
    site.kube.patch(LEASES, site.namespace, "delivery-operator", {"spec": {"holderIdentity": pod}})
    assert f"ok       leader: {pod} leads {where}" in said()

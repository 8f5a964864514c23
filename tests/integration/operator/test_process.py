"""The operator as a process: started, probed, cut off from its API server, and told to stop."""

import json

import pytest

from tests.support import shop
from tests.support.kube import Object, RequestFailed, condition, wait_for
from tests.support.kubelet import Hangs
from tests.support.operator import OperatorProcess, free_port
from tests.support.proxy import Proxy
from tests.support.site import Site


def test_every_log_line_is_json_and_a_reconciles_lines_share_an_id(site: Site) -> None:
    """F11-2, OP-12."""
    operator = site.start()
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    assert operator.stop() == 0
    events = operator.events()
    cut = next(event for event in events if event["message"] == "release cut")
    assert cut["namespace"] == site.namespace
    assert cut["service"] == "order"
    assert cut["reconcile"]
    assert events[-1]["message"] == "stopped"


def test_no_secret_value_is_logged_written_or_counted(site: Site) -> None:
    """Invariant 8, F3-15."""
    operator = site.start(log_level="debug", http_port=str(free_port()))
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    kinds = ("DeliveryService", "DeliveryRelease", "Deployment", "ConfigMap", "Job")
    written = [site.kube.list(kind, site.namespace) for kind in kinds]
    assert shop.PASSWORD not in json.dumps(written)
    assert shop.PASSWORD not in operator.log()
    assert shop.PASSWORD not in operator.read("/metrics")


def test_probes_and_metrics(site: Site) -> None:
    operator = site.start(http_port=str(free_port()))
    wait_for(lambda: _answers(operator, "/readyz"), "ready", 60, operator.log)
    assert json.loads(operator.read("/livez")) == {"alive": True}
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1")
    metrics = operator.read("/metrics")
    assert 'delivery_operator_writes_total{kind="DeliveryRelease",verb="create"} 1.0' in metrics
    assert 'delivery_operator_migrations_total{result="succeeded"} 1.0' in metrics
    assert 'delivery_operator_releases_total{outcome="active"} 1.0' in metrics
    assert "delivery_operator_reconciles_total" in metrics


def test_changes_made_while_the_api_server_was_away_are_caught_up(site: Site) -> None:
    """The proxy is closed, changes are made, and it opens again at the same address."""
    with Proxy(site.kube.host, str(site.kube.certificate_authority)) as proxy:
        operator = site.start(_through(site, proxy.url))
        site.kube.create(shop.secret(site.namespace))
        site.kube.create(shop.service(site.namespace))
        shop.wait_ready(site.kube, site.namespace, "order-r1")
        proxy.cut_off()
        site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
        site.kube.delete("Deployment", site.namespace, "order-relay")
        site.kube.patch("Secret", site.namespace, "db", {"stringData": {"url": "postgresql://order:other@db/order"}})
        wait_for(lambda: "watch interrupted" in operator.log(), "the operator to notice", 60, operator.log)
        assert operator.running()
        proxy.let_through()
        wait_for(lambda: _serves(site, f"{shop.IMAGE}:v1.1.0"), "the new image", 60, operator.log)
        # The old image is never released again: a release is made from the spec as it is, not as a watch left it.
        images = [each["spec"]["image"] for each in site.kube.list("DeliveryRelease", site.namespace)]
        assert images.count(f"{shop.IMAGE}:v1.0.0") == 1
        assert site.kube.find("Deployment", site.namespace, "order-relay")
        assert operator.running(), operator.log()


def test_an_operator_that_came_before_its_crds_waits_for_them(site: Site) -> None:
    with Proxy(site.kube.host, str(site.kube.certificate_authority)) as proxy:
        with proxy.without("delivery.dev"):
            operator = site.start(_through(site, proxy.url))
            wait_for(lambda: "waiting for the api server" in operator.log(), "the operator to wait", 30, operator.log)
        wait_for(lambda: any(e["message"] == "started" for e in operator.events()), "the start", 30, operator.log)
        site.kube.create(shop.secret(site.namespace))
        site.kube.create(shop.service(site.namespace))
        shop.wait_ready(site.kube, site.namespace, "order-r1")


def test_sigterm_finishes_the_reconcile_in_hand(site: Site) -> None:
    """The answer to a write is held back until the operator has been told to stop; what follows it is still written."""
    with Proxy(site.kube.host, str(site.kube.certificate_authority)) as proxy:
        operator = site.start(_through(site, proxy.url))
        site.kube.create(shop.secret(site.namespace))
        wait_for(
            lambda: any(event["message"] == "started" for event in operator.events()), "the start", 60, operator.log
        )
        site.kubelet.fate = lambda _: Hangs()
        with proxy.held("POST", "deliveryreleases") as reached:
            site.kube.create(shop.service(site.namespace))
            assert reached.wait(60)
            operator.terminate()
            wait_for(lambda: any(e["message"] == "stopping" for e in operator.events()), "the signal to be heard")
        assert operator.wait(60) == 0
    assert site.kube.find("DeliveryRelease", site.namespace, "order-r1")
    assert site.kube.find("Job", site.namespace, "order-r1-migrate"), "the rest of the reconcile in hand"
    assert shop.get(site.kube, site.namespace)["status"]["phase"] == "Migrating"


def test_a_refused_write_is_told_and_tried_again(site: Site) -> None:
    site.start()
    site.kube.create(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "no-jobs", "namespace": site.namespace},
            "spec": {"hard": {"count/jobs.batch": "0"}},
        }
    )
    _wait_for_quota(site)
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    found = shop.wait_reason(site.kube, site.namespace, "WriteRefused")
    ready = next(each for each in found["status"]["conditions"] if each["type"] == "Ready")
    assert "the API server refuses Job order-r1-migrate" in ready["message"]
    assert "exceeded quota: no-jobs" in ready["message"]
    site.kube.request("DELETE", f"/api/v1/namespaces/{site.namespace}/resourcequotas/no-jobs")
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("workers", "none", "DELIVERY_OPERATOR_WORKERS"),
        ("log_level", "loud", "DELIVERY_OPERATOR_LOG_LEVEL"),
        ("resync_seconds", "0", "DELIVERY_OPERATOR_RESYNC_SECONDS"),
    ],
)
def test_a_wrong_setting_is_named(site: Site, setting: str, value: str, said: str) -> None:
    operator = site.start(None, **{setting: value})
    assert operator.wait(60) == 2
    assert said in operator.log()


def _serves(site: Site, image: str) -> bool:
    found = shop.get(site.kube, site.namespace)
    return condition(found, "Ready").get("status") == "True" and found["status"]["image"] == image


def _wait_for_quota(site: Site) -> None:
    """Wait until the quota is enforced: its controller has counted."""

    def look() -> Object | None:
        path = f"/api/v1/namespaces/{site.namespace}/resourcequotas/no-jobs"
        try:
            found = site.kube.request("GET", path)
        except RequestFailed:
            return None
        return found if (found.get("status") or {}).get("hard") else None

    wait_for(look, "the quota's status")


def _through(site: Site, url: str) -> Object:
    config: Object = json.loads(json.dumps(site.kubeconfig))
    config["clusters"][0]["cluster"] = {"server": url}
    return config


def _answers(operator: OperatorProcess, path: str) -> bool:
    try:
        return bool(operator.read(path))
    except OSError:
        return False

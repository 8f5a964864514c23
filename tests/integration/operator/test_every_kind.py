"""Every kind of child, where the API server has all: made, left in peace, repaired and removed (invariant 2)."""

from functools import partial
from typing import Any

import pytest

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.cluster.act import OF_NO_OBJECT
from delivery_operator.cluster.resources import BY_KIND, OPTIONAL
from delivery_operator.render import bundle
from delivery_operator.render.manifests import render, scaling
from delivery_operator.render.names import MANAGER
from delivery_operator.render.platform import Platform
from tests.support import shop
from tests.support.kube import Object, RequestFailed, condition, wait_for
from tests.support.operator import user
from tests.support.site import Site

KAFKA = {"name": "events", "type": "kafka", "secret": "db", "env": {"KAFKA_BROKERS": "url"}}
DATABASE = {"name": "db", "type": "postgresql", "secret": "db", "env": {"DATABASE_URL": "url"}, "files": True}
PROCESSES: dict[str, Any] = {
    "web": {
        "command": ["order", "web"],
        "port": {"number": 8080},
        "expose": {"path": "/orders"},
        "metrics": {"port": 9090},
        "scaling": {"min": 2, "max": 5, "cpu": 70, "memory": 80},
    },
    "api": {"command": ["order", "api"], "port": {"number": 50051, "protocol": "grpc"}, "expose": {}},
    "relay": {
        "command": ["order", "relay"],
        "scaling": {
            "max": 5,
            "queue": {"type": "kafka", "name": "orders", "consumerGroup": "order", "addressFrom": "KAFKA_BROKERS"},
        },
    },
    "sweep": {"command": ["order", "sweep"], "schedule": "*/10 * * * *"},
    "clock": {"command": ["order", "clock"], "singleton": True},
}
BY_GATEWAY = {"domain": "example.com", "gateway": {"name": "public", "namespace": "gateways"}}
BY_INGRESS = {"domain": "example.com", "ingress": {"className": "nginx", "tlsSecret": "tls"}}
EVERYWHERE = {
    "ServiceAccount",
    "ConfigMap",
    "NetworkPolicy",
    "Service",
    "Deployment",
    "CronJob",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "ScaledObject",
    "PodMonitor",
    "PrometheusRule",
}
ROUTES = {"gateway": {"HTTPRoute", "GRPCRoute"}, "ingress": {"Ingress"}}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("exposure", ["gateway", "ingress"])
def test_every_kind_is_made_left_in_peace_repaired_and_removed(extended_site: Site, exposure: str) -> None:
    site = extended_site
    operator = site.start(resync_seconds="1")
    site.kube.create(shop.secret(site.namespace))
    site.environment({"exposure": BY_GATEWAY if exposure == "gateway" else BY_INGRESS})
    body = shop.service(site.namespace, processes=PROCESSES, backingServices=[KAFKA, DATABASE])
    body["spec"]["environment"] = site.environment_name
    site.kube.create(body)
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    assert {kind for kind in EVERYWHERE | ROUTES["gateway"] | ROUTES["ingress"] if _all(site, kind)} == (
        EVERYWHERE | ROUTES[exposure]
    )

    site.wait_told("ReleaseActive")
    before = len(site.writes())
    site.wait_for_lists(3)
    operator.stop()
    site.start(resync_seconds="1")
    site.wait_for_lists(3)
    assert [f"{event['verb']} {event['requestURI']}" for event in site.writes()[before:]] == []

    site.kube.patch("NetworkPolicy", site.namespace, "order-service", {"spec": {"ingress": [{}]}})
    wait_for(lambda: _spec(site, "NetworkPolicy", "order-service").get("ingress") != [{}], "the policy closed again")
    site.kube.patch("HorizontalPodAutoscaler", site.namespace, "order-web", {"spec": {"maxReplicas": 99}})
    wait_for(lambda: _spec(site, "HorizontalPodAutoscaler", "order-web")["maxReplicas"] == 5, "the bounds back")
    monitor = _all(site, "PodMonitor")[0]["metadata"]["name"]
    site.kube.delete("PodMonitor", site.namespace, monitor)
    wait_for(lambda: site.kube.find("PodMonitor", site.namespace, monitor), "the monitor back")
    route = "HTTPRoute" if exposure == "gateway" else "Ingress"
    rules = _spec(site, route, "order-web")["rules"]
    site.kube.patch(route, site.namespace, "order-web", {"spec": {"rules": [*rules, *rules]}})
    wait_for(lambda: _spec(site, route, "order-web")["rules"] == rules, "the rule that was added gone")

    kept = {"web": {"command": ["order", "web"]}}
    site.kube.patch(
        "DeliveryService",
        site.namespace,
        "order",
        {"spec": {"processes": {name: kept.get(name) for name in PROCESSES}}},
    )
    fields = {"port": None, "expose": None, "metrics": None, "scaling": None}
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"processes": {"web": fields}}})
    for kind in ("Service", "CronJob", "HorizontalPodAutoscaler", "ScaledObject", "PodMonitor", *ROUTES[exposure]):
        wait_for(partial(_none_left, site, kind), f"no {kind} left", 60)


@pytest.mark.parametrize("exposure", [BY_GATEWAY, BY_INGRESS], ids=["gateway", "ingress"])
def test_a_first_apply_makes_an_object_and_takes_over_none(extended_site: Site, exposure: dict[str, Any]) -> None:
    """Decision 0019, for each kind: with the version of no object, an apply is a conflict where there is one."""
    site = extended_site
    service = shop.service(site.namespace, processes=PROCESSES, backingServices=[KAFKA, DATABASE])["spec"]
    environment = DeliveryEnvironmentSpec.model_validate({"exposure": exposure})
    platform = Platform(environment, frozenset(each.api_version for each in OPTIONAL))
    spec, templates = DeliveryServiceSpec.model_validate(service), bundle.load()
    manifests = [
        *render("order", site.namespace, spec, templates, platform),
        *scaling("order", site.namespace, spec, templates, platform),
    ]
    applied = [each for each in manifests if "patch" in BY_KIND[each["kind"]].verbs]
    assert {each["kind"] for each in applied} >= EVERYWHERE | ROUTES["ingress" if "ingress" in exposure else "gateway"]
    for manifest in applied:
        manifest["metadata"]["resourceVersion"] = OF_NO_OBJECT
        made = _apply(site, manifest)
        assert all(each["operation"] == "Apply" for each in made["metadata"].get("managedFields", ()))
        with pytest.raises(RequestFailed) as refused:
            _apply(site, manifest)
        assert (refused.value.code, refused.value.status["reason"]) == (409, "Conflict")
        assert "the object has been modified" in refused.value.status["message"]


def _apply(site: Site, manifest: Object) -> Object:
    path = BY_KIND[manifest["kind"]].path(site.namespace, manifest["metadata"]["name"])
    query = f"?fieldManager={MANAGER}&force=true"
    return site.kube.request("PATCH", path + query, manifest, "application/apply-patch+yaml")


def test_a_kind_that_is_served_later_is_taken_up(extended_site: Site) -> None:
    """A CRD may come after the operator: the next resync finds it, and the next release uses it."""
    site = extended_site
    with site.proxied() as (proxy, kubeconfig):
        with proxy.without("monitoring.coreos.com"):
            operator = site.start(kubeconfig, resync_seconds="1")
            site.kube.create(shop.secret(site.namespace))
            site.kube.create(shop.service(site.namespace))
            shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
            assert _none_left(site, "PrometheusRule")
        watching = partial(operator.events, lambda event: event["message"] == "watching")
        wait_for(lambda: len(watching()) == 2, "the watches to begin anew", 40, operator.log)
        site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:v1.1.0"}})
        shop.wait_ready(site.kube, site.namespace, "order-r2", seconds=60)
        wait_for(lambda: _watched(site, "prometheusrules"), "it to be watched", 40, operator.log)
        rule = _all(site, "PrometheusRule")[0]["metadata"]["name"]
        site.kube.delete("PrometheusRule", site.namespace, rule)
        wait_for(lambda: site.kube.find("PrometheusRule", site.namespace, rule), "the rule back", 40)


def _watched(site: Site, plural: str) -> bool:
    """Whether the operator has begun a watch of a kind: without one the next resync would see to its objects too."""
    return any(
        event["verb"] == "watch" and event["objectRef"]["resource"] == plural
        for event in site.cluster.audit_events(site.began)
        if event["user"].get("username") == user(site.namespace)
    )


def test_a_provisioned_service_is_waited_for_and_followed(extended_site: Site) -> None:
    """https://servicebinding.io: the Secret's name is in status.binding.name."""
    site = extended_site
    site.start(resync_seconds="1")
    site.kube.create(shop.secret(site.namespace))
    provisioned = {"apiVersion": "example.com/v1", "kind": "Database", "name": "orders"}
    binding = {"name": "db", "type": "postgresql", "provisionedService": provisioned, "env": {"DATABASE_URL": "url"}}
    site.kube.create(shop.service(site.namespace, backingServices=[binding]))
    found = shop.wait_reason(site.kube, site.namespace, "BindingNotReady")
    assert "Database orders does not exist (needed for db)" in _message(found, "ConfigReady")
    metadata = {"name": "orders", "namespace": site.namespace}
    site.kube.create({"apiVersion": "example.com/v1", "kind": "Database", "metadata": metadata})
    wait_for(
        lambda: "does not name its Secret" in _message(shop.get(site.kube, site.namespace), "ConfigReady"),
        "the object to be seen",
        40,
    )
    _bind(site, "db")
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    site.kube.create(shop.secret(site.namespace, "db-2", "another"))
    _bind(site, "db-2")
    shop.wait_ready(site.kube, site.namespace, "order-r2", seconds=60)
    release = site.kube.get("DeliveryRelease", site.namespace, "order-r2")
    assert release["spec"]["reason"] == "SecretRotated"


def _bind(site: Site, secret: str) -> None:
    site.kube.patch("Database", site.namespace, "orders", {"status": {"binding": {"name": secret}}}, "status")


def _message(service: Object, kind: str) -> str:
    return str(condition(service, kind).get("message"))


def _all(site: Site, kind: str) -> list[Object]:
    return site.kube.list(kind, site.namespace, "delivery.dev/service")


def _spec(site: Site, kind: str, name: str) -> Object:
    spec: Object = site.kube.get(kind, site.namespace, name)["spec"]
    return spec


def _none_left(site: Site, kind: str) -> bool:
    return not _all(site, kind)

"""One DeliveryService in the hands of a GitOps tool, a person and the operator, each with fields of their own."""

import copy
from pathlib import Path
from typing import Any

import yaml

from tests.support import shop
from tests.support.kube import Object, wait_for
from tests.support.site import Site

OPERATOR = "delivery-operator"
GITOPS = "kustomize-controller"
PERSON = "kubectl"


def apply(site: Site, manager: str, body: Object) -> Object:
    """Server-side apply without force: a conflict fails."""
    path = f"/apis/delivery.dev/v1alpha1/namespaces/{site.namespace}/deliveryservices/{body['metadata']['name']}"
    return site.kube.request("PATCH", f"{path}?fieldManager={manager}", body, "application/apply-patch+yaml")


def diff(site: Site, manager: str, body: Object, folder: Path) -> str:
    """What `kubectl diff` says an apply by this manager would change; empty when nothing."""
    file = folder / f"{manager}.yaml"
    file.write_text(yaml.safe_dump(body))
    return site.cluster.kubectl("diff", "--server-side", f"--field-manager={manager}", "-f", str(file))


def test_two_managers_and_the_operator_share_a_service_without_conflict(site: Site, tmp_path: Path) -> None:
    """Invariants 2 and 6: each applies what is theirs, again and again, and sees no difference made by another."""
    site.start(resync_seconds="1")
    site.kube.create(shop.secret(site.namespace))
    committed = shop.service(site.namespace)
    identity = {key: committed[key] for key in ("apiVersion", "kind", "metadata")}
    typed: dict[str, Any] = {
        **copy.deepcopy(identity),
        "spec": {
            "config": {"DEBUG_MODE": {"value": "true"}},
            "backingServices": [{"name": "cache", "type": "redis", "secret": "db", "env": {"REDIS_ADDR": "url"}}],
            "processes": {"sweep": {"command": ["order", "sweep"]}},
            "tasks": {"seed": {"command": ["order", "seed"]}},
        },
    }
    apply(site, GITOPS, committed)
    apply(site, PERSON, typed)
    shop.wait_ready(site.kube, site.namespace, _newest(site))

    assert diff(site, GITOPS, committed, tmp_path) == ""
    assert diff(site, PERSON, typed, tmp_path) == ""
    before = shop.get(site.kube, site.namespace)["metadata"]
    apply(site, GITOPS, committed)
    apply(site, PERSON, typed)
    after = shop.get(site.kube, site.namespace)
    assert after["metadata"]["resourceVersion"] == before["resourceVersion"]
    assert set(after["spec"]["processes"]) == {"web", "relay", "sweep"}
    assert {each["name"] for each in after["spec"]["backingServices"]} == {"db", "cache"}

    committed["spec"]["processes"]["web"]["replicas"] = 3
    apply(site, GITOPS, committed)
    typed["spec"]["config"] = {}
    apply(site, PERSON, typed)
    last = shop.wait_ready(site.kube, site.namespace, _newest(site))
    assert last["spec"]["processes"]["web"]["replicas"] == 3
    assert set(last["spec"]["config"]) == {"LOG_LEVEL"}


def test_the_operator_owns_the_status_and_nothing_else(site: Site) -> None:
    """Invariant 6, as the API server accounts for it."""
    site.start()
    site.kube.create(shop.secret(site.namespace))
    apply(site, GITOPS, shop.service(site.namespace))
    ready = shop.wait_ready(site.kube, site.namespace, "order-r1")

    owned = {each["manager"]: each for each in ready["metadata"]["managedFields"]}
    assert set(owned) == {GITOPS, OPERATOR}
    assert owned[OPERATOR]["subresource"] == "status"
    assert set(owned[OPERATOR]["fieldsV1"]) == {"f:status"}


def _newest(site: Site) -> str:
    """Wait until the newest spec has a release, and name it."""

    def look() -> str | None:
        found = shop.get(site.kube, site.namespace)
        status = found.get("status") or {}
        answered = status.get("observedGeneration") == found["metadata"]["generation"]
        return str(status["release"]) if answered and status.get("release") else None

    return wait_for(look, "a release of the newest spec")

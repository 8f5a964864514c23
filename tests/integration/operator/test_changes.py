"""What a release keeps of why it was made, by the word of a real API server (F5-2)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.errors import ToolError
from tests.support import shop
from tests.support.site import Site

EXAMPLE = Path(__file__).parents[3] / "examples/order/deliveryservice.yaml"
EIGHT_KIB = 8 * 1024


def apply(site: Site, manager: str, **spec: Any) -> None:
    """Server-side apply, as a GitOps controller does it."""
    body = {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryService",
        "metadata": {"name": "order", "namespace": site.namespace},
        "spec": spec,
    }
    site.cluster.kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        f"--field-manager={manager}",
        "-f",
        "-",
        input=yaml.safe_dump(body),
    )


def why(site: Site, number: int) -> dict[str, Any]:
    spec = site.kube.get("DeliveryRelease", site.namespace, f"order-r{number}")["spec"]
    return {name: spec.get(name) for name in ("reason", "changes", "changedBy")}


def authors(release: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    return [(each["manager"], each["operation"], each["fields"]) for each in release["changedBy"]]


def test_a_release_says_what_changed_and_who_changed_it(site: Site) -> None:
    site.start(resync_seconds="1")
    site.kube.create(shop.secret(site.namespace))
    sample = shop.service(site.namespace)["spec"]
    apply(site, "flux", **sample)
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    first = why(site, 1)
    assert (first["reason"], first["changes"]) == ("SpecChanged", {"fields": ["spec"]})
    assert authors(first) == [("flux", "Apply", ["spec"])]

    relay = {**sample["processes"]["relay"], "command": ["order", "forward"]}
    apply(site, "admin", paused=True)
    shop.wait_reason(site.kube, site.namespace, "Paused", ready="True")
    apply(site, "flux", **{**sample, "image": f"{shop.IMAGE}:v1.1.0"})
    apply(site, "on-call", processes={"relay": relay})
    apply(site, "admin", paused=False)
    shop.wait_ready(site.kube, site.namespace, "order-r2", seconds=60)
    second = why(site, 2)
    assert (second["reason"], second["changes"]) == (
        "ImageChanged",
        {"fields": ["spec.image", "spec.processes.relay.command"]},
    )
    assert authors(second) == [
        ("flux", "Apply", ["spec.image"]),
        ("on-call", "Apply", ["spec.processes.relay.command"]),
    ]

    site.kube.delete("Secret", site.namespace, "db")
    site.kube.create(shop.secret(site.namespace, password="rotated-battery"))  # noqa: S106 a sample
    shop.wait_ready(site.kube, site.namespace, "order-r3", seconds=60)
    assert why(site, 3) == {
        "reason": "SecretRotated",
        "changes": {"references": [{"kind": "Secret", "name": "db", "keys": ["url"]}]},
        "changedBy": None,
    }


def test_a_release_is_never_changed_and_stays_small(
    site: Site, record_testsuite_property: Callable[[str, object], None]
) -> None:
    """Invariant 5; kubevela/kubevela#5050: 1,500 services with ten releases each are 120 MB and not 900."""
    (example,) = yaml.safe_load_all(EXAMPLE.read_text())
    site.start()
    for secret in shop.example_secrets(site.namespace):
        site.kube.create(secret)
    site.kube.create({**example, "metadata": {"name": "order", "namespace": site.namespace}})
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    release = site.kube.get("DeliveryRelease", site.namespace, "order-r1")
    del release["metadata"]["managedFields"]
    size = len(json.dumps(release, separators=(",", ":")))
    record_testsuite_property("bytes of a release of the order service", size)
    assert size <= EIGHT_KIB, f"{size} bytes"
    for field, value in {"image": "order:v9", "manifests": "", "changes": {"fields": []}, "number": 9}.items():
        with pytest.raises(ToolError, match="a release is immutable; change the DeliveryService to make a new one"):
            site.cluster.kubectl(
                *("patch", "deliveryrelease", "order-r1", "-n", site.namespace, "--type=merge"),
                *("-p", json.dumps({"spec": {field: value}})),
            )

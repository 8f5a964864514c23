"""What breaks the restricted pod security standard is found.

Each case but the harmless ones is refused by a namespace that enforces the standard, too.
"""

from typing import Any

import pytest

from delivery_operator.render.manifests import render
from delivery_operator.render.restricted import pod_template, violations
from tests.unit.support import builders


def pod(change: dict[str, Any]) -> dict[str, Any]:
    """A pod as we make it, with some fields of its spec, or of its container, replaced."""
    (deployment,) = [
        each
        for each in render("order", "shop", builders.parsed(builders.spec()), builders.BUNDLE)
        if each["metadata"]["name"] == "order-web" and each["kind"] == "Deployment"
    ]
    spec: dict[str, Any] = pod_template(deployment)["spec"]
    own = change.get("container", {})
    (container,) = spec["containers"]
    security = {**container["securityContext"], **own.get("securityContext", {})}
    changed = {name: value for name, value in change.items() if name != "container"}
    return {**spec, "containers": [{**container, **own, "securityContext": security}], **changed}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param({}, [], id="ours"),
        pytest.param({"volumes": [{"name": "s", "secret": {}}]}, [], id="a Secret for a volume"),
        pytest.param(
            {"container": {"securityContext": {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}},
            [],
            id="low ports",
        ),
        pytest.param(
            {"container": {"securityContext": {"seLinuxOptions": {"type": "container_t", "level": "s0"}}}},
            [],
            id="a level",
        ),
        pytest.param({"hostNetwork": True}, ["hostNetwork"], id="the node's network"),
        pytest.param({"hostPID": True}, ["hostPID"], id="the node's processes"),
        pytest.param({"hostIPC": True}, ["hostIPC"], id="the node's memory"),
        pytest.param(
            {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}, ["volume host"], id="the node's files"
        ),
        pytest.param(
            {
                "securityContext": {
                    "runAsNonRoot": True,
                    "seccompProfile": {"type": "Localhost"},
                    "sysctls": [{"name": "kernel.shm"}],
                }
            },
            ["sysctl kernel.shm"],
            id="a kernel setting",
        ),
        pytest.param(
            {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
            ["container order: runAsNonRoot"],
            id="root",
        ),
        pytest.param({"securityContext": {"runAsNonRoot": True}}, ["container order: seccompProfile"], id="no seccomp"),
        pytest.param(
            {"initContainers": [{"name": "first"}]},
            [f"container first: {what}" for what in ("allowPrivilegeEscalation", "capabilities")],
            id="an init container that says nothing",
        ),
        *(
            pytest.param({"container": {"securityContext": {name: value}}}, [f"container order: {name}"], id=name)
            for name, value in (
                ("privileged", True),
                ("allowPrivilegeEscalation", True),
                ("runAsNonRoot", False),
                ("runAsUser", 0),
                ("seccompProfile", {"type": "Unconfined"}),
                ("appArmorProfile", {"type": "Unconfined"}),
                ("seLinuxOptions", {"type": "spc_t"}),
                ("windowsOptions", {"hostProcess": True}),
                ("capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
                ("procMount", "Unmasked"),
            )
        ),
        pytest.param(
            {"container": {"securityContext": {"seLinuxOptions": {"user": "root"}}}},
            ["container order: seLinuxOptions"],
            id="another SELinux user",
        ),
        pytest.param(
            {"container": {"securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}}}},
            ["container order: capabilities"],
            id="capabilities that are kept",
        ),
        pytest.param(
            {"container": {"ports": [{"containerPort": 8080, "hostPort": 80}]}},
            ["container order: hostPort"],
            id="the node's port",
        ),
    ],
)
def test_what_breaks_the_standard_is_found(change: dict[str, Any], found: list[str]) -> None:
    assert list(violations(pod(change))) == found


@pytest.mark.parametrize(
    "manifest", [{}, {"kind": "CronJob", "spec": {}}, {"kind": "Service", "spec": {"ports": []}}, {"spec": "text"}]
)
def test_what_makes_no_pods_has_no_pod_template(manifest: dict[str, Any]) -> None:
    assert pod_template(manifest) is None

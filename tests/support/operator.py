"""The operator as its own process, under its own identity, with the rights its code says it needs."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import yaml

from delivery_operator.cluster.resources import LEASES, RESOURCES, Resource
from delivery_operator.runtime.settings import LEASE
from tests.support.kube import Kube, Object

ACCOUNT = "operator"
PROVISIONED = ["example.com"]
"""API groups of provisioned services, which the ClusterRoles of their operators would open."""


POD = "operator-0"
"""Name of an operator's pod: a restarted one holds the Lease of the one before it."""


def user(namespace: str) -> str:
    """The user that the API server sees, in its audit log too."""
    return f"system:serviceaccount:{namespace}:{ACCOUNT}"


def renews(event: Object, namespace: str) -> bool:
    """Whether a request of the audit log is about the operator's Lease: the one write of an idle operator."""
    target = event.get("objectRef") or {}
    lease = {"resource": LEASES.plural, "apiGroup": LEASES.group, "namespace": namespace, "name": LEASE}
    return all(target.get(field) == value for field, value in lease.items())


def make_identity(kube: Kube, namespace: str, server: str | None = None) -> Object:
    """Make a service account with the rights of the table of resources, in one namespace; return its kubeconfig."""
    metadata = {"name": ACCOUNT, "namespace": namespace}
    kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    for kind, resources in (
        ("Role", [each for each in RESOURCES if each.namespaced]),
        ("ClusterRole", [each for each in RESOURCES if not each.namespaced]),
    ):
        _grant(kube, kind, f"{ACCOUNT}-{namespace}", metadata, resources)
    token = kube.request(
        "POST",
        f"/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
    )["status"]["token"]
    cluster = {"server": server or kube.host}
    if cluster["server"].startswith("https:"):
        cluster["certificate-authority"] = str(kube.certificate_authority)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
    }


def _grant(kube: Kube, kind: str, name: str, account: Object, resources: list[Resource]) -> None:
    rules = [
        {"apiGroups": [each.group], "resources": [each.plural], "verbs": sorted(each.verbs)} for each in resources
    ] + [
        {"apiGroups": [each.group], "resources": [f"{each.plural}/status"], "verbs": sorted(each.status_verbs)}
        for each in resources
        if each.status_verbs
    ]
    metadata = {"name": name}
    if kind == "Role":
        metadata["namespace"] = account["namespace"]
        rules.append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]})
        rules.append({"apiGroups": [LEASES.group], "resources": [LEASES.plural], "verbs": sorted(LEASES.verbs)})
        rules.append({"apiGroups": PROVISIONED, "resources": ["*"], "verbs": ["get"]})
    api_version = "rbac.authorization.k8s.io/v1"
    kube.create({"apiVersion": api_version, "kind": kind, "metadata": metadata, "rules": rules})
    kube.create(
        {
            "apiVersion": api_version,
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": [{"kind": "ServiceAccount", **account}],
        }
    )


def let_in(guest: str, kube: Kube, namespace: str) -> None:
    """Let the operator of one namespace work in another, too."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"{ACCOUNT}-{namespace}"}
    kube.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "guest", "namespace": namespace},
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": guest}],
        }
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def variables(
    kubeconfig: Object, namespace: str, folder: Path, pod: str, settings: Mapping[str, str]
) -> dict[str, str]:
    """The environment of an operator that watches one namespace; its kubeconfig is written into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / f"{namespace}.kubeconfig"
    config.write_text(yaml.safe_dump(kubeconfig))
    return {
        "KUBECONFIG": str(config),
        "POD_NAMESPACE": namespace,
        "POD_NAME": pod,
        "DELIVERY_OPERATOR_NAMESPACES": namespace,
        "DELIVERY_OPERATOR_HTTP_PORT": "0",
        **{f"DELIVERY_OPERATOR_{name.upper()}": value for name, value in settings.items()},
    }


class OperatorProcess:
    """One run of the operator, watching one namespace."""

    def __init__(self, kubeconfig: Object, namespace: str, folder: Path, pod: str = POD, **settings: str) -> None:
        environment = {**os.environ, **variables(kubeconfig, namespace, folder, pod, settings)}
        self.log_file = folder / f"{namespace}-{time.monotonic_ns()}.log"
        self.settings = {name: value for name, value in environment.items() if name.startswith("DELIVERY_OPERATOR_")}
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "delivery_operator"], env=environment, stdout=log, stderr=subprocess.STDOUT
            )

    def says(self, message: str) -> bool:
        """Whether it has logged this event."""
        return any(event["message"] == message for event in self.events())

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: no time for a last word."""
        self._process.kill()
        self._process.wait()

    def terminate(self) -> None:
        """SIGTERM, as the kubelet sends it."""
        self._process.send_signal(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: it stands still, and does not know it."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM, and wait for the end; returns the exit code."""
        if self.running():
            self.terminate()
        return self._process.wait(seconds)

    def wait(self, seconds: float) -> int:
        return self._process.wait(seconds)

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def read(self, path: str) -> str:
        """Answer of its HTTP port, which must have been given; OSError when there is none."""
        port = self.settings["DELIVERY_OPERATOR_HTTP_PORT"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            assert isinstance(answer, HTTPResponse)
            return answer.read().decode()

    def events(self, match: Callable[[Object], bool] = lambda _: True) -> list[dict[str, Any]]:
        """Log events that match; every line must be JSON."""
        return [event for line in self.log().splitlines() if match(event := json.loads(line))]

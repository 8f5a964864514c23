"""The namespace shop on a cluster with pods, and pods in it that call its services.

Their calls take the way of any client's: DNS, the Service, kube-proxy.
"""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from demo import shop
from demo.tools import Tools
from devcluster.cluster import Cluster
from devcluster.errors import DevclusterError
from tests.support.kube import Kube, Object, wait_for

SCRATCH = "/tmp"  # noqa: S108 of the pod that calls


@dataclass
class Shop:
    """The namespace, and what tests leave in it."""

    cluster: Cluster
    tools: Tools
    kube: Kube = field(init=False)
    _callers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kube = Kube(self.cluster.kubeconfig_path)

    def kubectl(self, *arguments: str, manifest: str | None = None) -> str:
        return self.tools.kubectl("-n", shop.NAMESPACE, *arguments, manifest=manifest)

    def start_caller(self, kind: str, image: str, script: Path, variables: dict[str, str]) -> str:
        """Run a script in a pod of a service's image, whose client it uses; gives the pod's name."""
        name = f"{kind}-{len(self._callers)}"
        self._callers.append(name)
        data = {script.name: script.read_text()}
        content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        pod = _pod(name, image, script.name, variables)
        self.kubectl("apply", "-f", "-", manifest=yaml.safe_dump_all([content, pod]))
        return name

    def logs(self, pod: str) -> str:
        """What it says; nothing while it has not begun."""
        with contextlib.suppress(DevclusterError):
            return self.kubectl("logs", pod)
        return ""

    def run(self, kind: str, image: str, script: Path, variables: dict[str, str]) -> str:
        """Run a script in a pod as `start_caller` does, to its end; gives what it said."""
        name = self.start_caller(kind, image, script, variables)
        wait_for(lambda: self.ended(name), f"the end of {name}", 120, lambda: self.logs(name))
        return self.logs(name)

    def ended(self, pod: str) -> bool:
        """Whether its program has ended, and well."""
        phase = self.kube.get("Pod", shop.NAMESPACE, pod)["status"]["phase"]
        assert phase != "Failed", self.logs(pod)
        return bool(phase == "Succeeded")

    def rows(self, database: str, statement: str, server: str = "postgresql") -> list[list[str]]:
        """Ask a database of a PostgreSQL; each row is a list of texts."""
        command = ["psql", "-qAt", "-F", "\t", "-U", "order", "-d", database, "-c", statement]
        return [line.split("\t") for line in self.kubectl("exec", f"{server}-0", "--", *command).splitlines()]

    def clean_up(self) -> None:
        """Remove what tests left beside the services."""
        for name in self._callers:
            self.kubectl("delete", "pod,configmap", name, "--ignore-not-found", "--wait=false")


def _pod(name: str, image: str, script: str, variables: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "load",
                    "image": image,
                    "command": ["/app/bin/python", f"/load/{script}"],
                    "env": [{"name": each, "value": value} for each, value in variables.items()],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "load", "mountPath": "/load"}, {"name": "tmp", "mountPath": SCRATCH}],
                }
            ],
            "volumes": [{"name": "load", "configMap": {"name": name}}, {"name": "tmp", "emptyDir": {}}],
        },
    }

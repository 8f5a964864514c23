"""What a page's reader has: a control plane with the operator installed by its chart, a shell, and played nodes.

The pods are played (tests.support.kubelet), the operator is the real program, under the service account, the rights and
the settings that the chart gave it.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from delivery_operator.api.base import API_VERSION
from delivery_operator.cluster.resources import BY_KIND
from devcluster.cluster import Cluster
from tests.support import shop
from tests.support.chart import CHART
from tests.support.kube import Kube, Object, RequestFailed, wait_for
from tests.support.kubelet import Exits, FakeKubelet, Fate, Runs, Stops, Waits
from tests.support.operator import OperatorProcess
from tests.support.pages import ROOT
from tests.support.shell import Shell

SYSTEM: Final = "delivery-system"
SHOP: Final = "shop"
NAME: Final = "delivery-operator"
ORDER: Final = ROOT / "examples/order/deliveryservice.yaml"
COMMANDS: Final = {"web", "relay", "worker", "sweep", "migrate", "seed"}
PULLABLE: Final = {"registry.example.com/shop/order:v1.0.0", "registry.example.com/shop/order:v1.1.0"}
"""The images there are in the played registry of the shop; of other repositories every tag is there."""

_STRICT: Final = {
    "apiVersion": API_VERSION,
    "kind": "DeliveryEnvironment",
    "metadata": {"name": "strict"},
    "spec": {"policy": {"requireDigest": True}},
}
_ANY: Final = {
    "apiVersion": API_VERSION,
    "kind": "DeliveryService",
    "metadata": {"name": "any"},
    "spec": {"environment": "strict", "image": "any:v1", "processes": {"web": {"command": ["any"]}}},
}


def order_program(pod: Object) -> Fate:
    """What the order service's pods do: the two images that exist start, and refuse a command that they do not know."""
    container = pod["spec"]["containers"][0]
    image, command = container["image"], container.get("command") or []
    if image.startswith("registry.example.com/shop/order") and image not in PULLABLE:
        return Waits("ErrImagePull", f"failed to resolve reference {image}: not found")
    if command[:1] == ["order"] and (len(command) != len({"order"}) + 1 or command[1] not in COMMANDS):
        return Exits(2, f"order: no such command: {' '.join(command[1:])}; one of {', '.join(sorted(COMMANDS))}")
    if "job-name" in pod["metadata"]["labels"]:
        return Exits(0, '{"schemaHead": "0002"}' if command[1:] == ["migrate"] else "done")
    return Runs()


@dataclass
class Desk:
    """Where one page is read: its shell, its cluster."""

    shell: Shell
    cluster: Cluster
    kube: Kube
    namespaces: contextlib.ExitStack

    def make_namespace(self, name: str) -> None:
        """Make a namespace for a dry run, and remove it when the page has been read."""
        self.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.namespaces.callback(self.kube.delete, "Namespace", None, name)

    def base(self, kind: str) -> Object:
        """An object of ours that is well and that the cluster does not have: fragments are put into it."""
        whole: Object = {"apiVersion": API_VERSION, "kind": kind, "metadata": {}, "spec": {}}
        if kind == "DeliveryService":
            whole = yaml.safe_load(ORDER.read_text())
        whole["metadata"]["name"] = "fragment"
        return whole


@contextlib.contextmanager
def desk(cluster: Cluster, folder: Path, starts: str) -> Iterator[Desk]:
    """Prepare what a page starts from, and clear everything away afterwards.

    Args:
        cluster: a control plane of the reader's own: pages use cluster-scoped objects and fixed namespaces.
        folder: an empty folder; the shell runs in a copy of what a checkout has at its root.
        starts: `nothing`, `operator` (installed), or `order` (and the order service Ready in namespace shop).
    """
    kube = Kube(cluster.kubeconfig_path)
    reading = folder / "checkout"
    reading.mkdir()
    for name in ("charts", "crds", "examples", "templates"):
        (reading / name).symlink_to(ROOT / name)
    programs = Path(sys.executable).parent
    environment = {**cluster.environment, "PATH": f"{_tools(cluster, folder)}:{programs}:{os.environ['PATH']}"}
    with contextlib.ExitStack() as stack:
        stack.callback(_clear, cluster, kube)
        stack.enter_context(FakeKubelet(kube, SYSTEM))
        if starts == "nothing":
            _uninstall(cluster)
        else:
            stack.enter_context(installed(cluster, kube, folder))
        stack.enter_context(_shop(cluster, kube, ready=starts == "order"))
        yield Desk(stack.enter_context(Shell(reading, environment)), cluster, kube, stack)


@contextlib.contextmanager
def installed(cluster: Cluster, kube: Kube, folder: Path) -> Iterator[OperatorProcess]:
    """Install the chart and play its pod's part: the real operator, as the pod's container would be started."""
    cluster.helm("upgrade", "--install", NAME, str(CHART), "--namespace", SYSTEM, "--create-namespace")
    _wait_for_policy(kube)
    deployment = kube.get("Deployment", SYSTEM, NAME)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    settings = {
        each["name"].removeprefix("DELIVERY_OPERATOR_").lower(): each.get("value", "")  # "" is not stored
        for each in container["env"]
        if "valueFrom" not in each
    }
    run = OperatorProcess(_identity(kube), SYSTEM, folder, **settings | {"http_port": "0"})
    try:
        yield run
    finally:
        run.stop()


def _wait_for_policy(kube: Kube) -> None:
    """Wait until the admission policy is at work: by an environment that it has to know of, and to forget again.

    A new policy first lets everything pass, and then refuses everything until it has learned of environments: only its
    own words tell that it has.
    """
    kube.create(_STRICT)
    try:
        wait_for(lambda: "takes images by digest only" in _refusal(kube), "the admission policy to speak")
    finally:
        kube.delete("DeliveryEnvironment", None, "strict")
    wait_for(lambda: _refusal(kube) == "", "the admission policy to forget")


def _refusal(kube: Kube) -> str:
    """Why a service of that environment is refused; empty when it is taken."""
    try:
        kube.request("POST", f"{BY_KIND['DeliveryService'].path('default')}?dryRun=All", _ANY)
    except RequestFailed as refused:
        return str(refused)
    return ""


def _uninstall(cluster: Cluster) -> None:
    """Make the cluster one that the operator has never seen."""
    cluster.helm("uninstall", NAME, "--namespace", SYSTEM, "--ignore-not-found")
    cluster.kubectl("delete", "-f", str(ROOT / "crds"), "--ignore-not-found")


def _identity(kube: Kube) -> Object:
    """Return a kubeconfig of the service account that the chart made."""
    path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/{NAME}/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = kube.request("POST", path, request)["status"]["token"]
    cluster = {"server": kube.host, "certificate-authority": str(kube.certificate_authority)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "reading",
        "clusters": [{"name": "reading", "cluster": cluster}],
        "users": [{"name": "reading", "user": {"token": token}}],
        "contexts": [{"name": "reading", "context": {"cluster": "reading", "user": "reading"}}],
    }


@contextlib.contextmanager
def _shop(cluster: Cluster, kube: Kube, *, ready: bool) -> Iterator[None]:
    """Make the namespace, with its Secret and, if it is to be ready, the order service of examples/order."""
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHOP}})
    for secret in shop.example_secrets(SHOP):
        kube.create(secret)
    with FakeKubelet(kube, SHOP, order_program) as kubelet:
        kubelet.end = lambda _: Stops()
        if ready:
            cluster.kubectl("apply", "-f", str(ORDER))
            shop.wait_ready(kube, SHOP, "order-r1", seconds=60)
        yield


def _clear(cluster: Cluster, kube: Kube) -> None:
    """Remove what a page may have left: its namespaces, and the objects of no namespace."""
    served = cluster.kubectl("api-resources", "--api-group=delivery.dev", "--namespaced=false", "-o", "name").split()
    for resource in served:
        cluster.kubectl("delete", resource, "--all", "--ignore-not-found")
    cluster.kubectl("delete", "namespace", SHOP, "--ignore-not-found", "--wait=false")
    wait_for(lambda: _gone(kube), "the end of the namespace shop", 60)


def _gone(kube: Kube) -> bool:
    """Whether the namespace is gone; pods in it that nobody plays any more are removed at once."""
    if kube.find("Namespace", None, SHOP) is None:
        return True
    for pod in kube.list("Pod", SHOP):
        with contextlib.suppress(Exception):
            kube.delete("Pod", SHOP, pod["metadata"]["name"], grace=0)
    return False


def _tools(cluster: Cluster, folder: Path) -> Path:
    """A folder with kubectl and helm, for PATH."""
    tools = folder / "bin"
    tools.mkdir()
    for name in ("kubectl", "helm"):
        (tools / name).symlink_to(cluster.tool(name))
    return tools

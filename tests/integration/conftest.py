"""A namespace, an identity and a fake kubelet for each test, on one control plane with the CRDs."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
import yaml

from devcluster.cluster import Cluster
from tests.support.kube import Kube, RequestFailed, condition, wait_for
from tests.support.kubelet import FakeKubelet
from tests.support.operator import make_identity
from tests.support.site import Site

CRDS = Path(__file__).parents[2] / "crds"


@pytest.fixture(scope="session")
def kube(control_plane: Cluster) -> Kube:
    """The control plane with the CRDs established."""
    client = Kube(control_plane.kubeconfig_path)
    for path in sorted(CRDS.glob("*.yaml")):
        body = yaml.safe_load(path.read_text())
        with contextlib.suppress(RequestFailed):  # another worker was faster
            client.create(body)
        name = body["metadata"]["name"]
        wait_for(partial(_established, client, name), f"CRD {name}")
    return client


def _established(client: Kube, crd: str) -> bool:
    return condition(client.find("CustomResourceDefinition", None, crd), "Established").get("status") == "True"


@pytest.fixture
def open_site(kube: Kube, control_plane: Cluster, tmp_path: Path) -> Callable[[], AbstractContextManager[Site]]:
    """Open sites, one after the other or side by side; each ends with its context."""

    @contextlib.contextmanager
    def opened() -> Iterator[Site]:
        namespace = f"t-{uuid.uuid4().hex[:10]}"
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        try:
            with FakeKubelet(kube, namespace) as kubelet:
                site = Site(kube, control_plane, namespace, tmp_path, kubelet, make_identity(kube, namespace))
                with contextlib.closing(site):
                    yield site
        finally:
            kube.delete("Namespace", None, namespace)
            for kind in ("ClusterRole", "ClusterRoleBinding"):
                kube.delete(kind, None, f"operator-{namespace}")

    return opened


@pytest.fixture
def site(open_site: Callable[[], AbstractContextManager[Site]]) -> Iterator[Site]:
    """One site with no operator running yet."""
    with open_site() as opened:
        yield opened

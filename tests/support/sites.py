"""Fixtures: a namespace, an identity and a fake kubelet for each test, on a control plane with the CRDs."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from delivery_operator.cluster.resources import BY_KIND
from devcluster.cluster import Cluster
from devcluster.crds import install_crds
from tests.support.kube import Kube
from tests.support.kubelet import FakeKubelet
from tests.support.operator import make_identity
from tests.support.site import Site

OWN_CRDS = sorted((Path(__file__).parents[2] / "crds").glob("*.yaml"))
PROVISIONED_SERVICE = Path(__file__).parent / "crds/databases.yaml"

OpenSite = Callable[[], AbstractContextManager[Site]]


@pytest.fixture(scope="session")
def kube(control_plane: Cluster) -> Kube:
    """The control plane with our CRDs, and no others."""
    install_crds(control_plane, OWN_CRDS)
    return Kube(control_plane.kubeconfig_path)


@pytest.fixture(scope="session")
def extended_kube(extended_control_plane: Cluster) -> Kube:
    """The control plane with our CRDs, those of other projects, and a provisioned service to bind to."""
    install_crds(extended_control_plane, [*OWN_CRDS, PROVISIONED_SERVICE])
    return Kube(extended_control_plane.kubeconfig_path)


@pytest.fixture
def open_site(kube: Kube, control_plane: Cluster, tmp_path: Path) -> OpenSite:
    """Open sites, one after the other or side by side; each ends with its context."""
    return partial(_opened, kube, control_plane, tmp_path)


@pytest.fixture
def site(open_site: OpenSite) -> Iterator[Site]:
    """One site with no operator running yet."""
    with open_site() as opened:
        yield opened


@pytest.fixture
def extended_site(extended_kube: Kube, extended_control_plane: Cluster, tmp_path: Path) -> Iterator[Site]:
    """A site where the API server knows other projects' kinds too; with no operator running yet."""
    with _opened(extended_kube, extended_control_plane, tmp_path) as opened:
        yield opened


@contextlib.contextmanager
def _opened(kube: Kube, cluster: Cluster, folder: Path) -> Iterator[Site]:
    namespace = f"t-{uuid.uuid4().hex[:10]}"
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    try:
        with FakeKubelet(kube, namespace) as kubelet:
            site = Site(kube, cluster, namespace, folder, kubelet, make_identity(kube, namespace))
            with contextlib.closing(site):
                yield site
    finally:
        kube.delete("Namespace", None, namespace)
        _remove_pods(kube, namespace)
        for kind in ("ClusterRole", "ClusterRoleBinding"):
            kube.delete(kind, None, f"operator-{namespace}")


def _remove_pods(kube: Kube, namespace: str) -> None:
    """Remove the pods of a namespace that is being deleted: no new ones are let in, and nobody plays them any more.

    A pod that is bound to a node waits for its kubelet's word. It would keep the namespace, all that is in it, and the
    controller that deletes namespaces, which tries again and again, for as long as the control plane lives.
    """
    kube.request("DELETE", BY_KIND["Pod"].path(namespace), {"gracePeriodSeconds": 0})

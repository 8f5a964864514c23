"""A control plane of the documentation's own: its pages use fixed namespaces and objects of no namespace."""

import sys
from collections.abc import Iterator

import pytest

from devcluster.console import ConsoleReporter
from devcluster.control_plane import ControlPlaneCluster
from devcluster.crds import crd_files, install_crds
from devcluster.home import Home
from devcluster.sessions import session_name


@pytest.fixture(scope="session")
def reading_room(pytestconfig: pytest.Config) -> Iterator[ControlPlaneCluster]:
    """The cluster in which pages are read, one after the other, with the CRDs of other projects."""
    name = pytestconfig.getoption("cluster_name")
    cluster = ControlPlaneCluster(f"{name[:20]}-docs", session=session_name())
    cluster.create()
    install_crds(cluster, crd_files(Home.default(), ConsoleReporter(sys.stderr)))
    yield cluster
    cluster.delete()

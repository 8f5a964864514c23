"""A control plane of the documentation's own: its pages use fixed namespaces and objects of no namespace."""

from collections.abc import Iterator

import pytest

from devcluster.control_plane import ControlPlaneCluster
from devcluster.sessions import session_name


@pytest.fixture(scope="session")
def reading_room(pytestconfig: pytest.Config) -> Iterator[ControlPlaneCluster]:
    """The cluster in which pages are read, one after the other."""
    name = pytestconfig.getoption("cluster_name")
    cluster = ControlPlaneCluster(f"{name[:20]}-docs", session=session_name())
    cluster.create()
    yield cluster
    cluster.delete()

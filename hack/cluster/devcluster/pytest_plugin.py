"""Clusters as fixtures: `control_plane` and `extended_control_plane` without pods, `cluster` with them.

All workers of pytest-xdist, and all sessions at the same time, share one cluster of each kind. Whoever comes first
starts it; the last session to end ends it, unless somebody else had brought it up or --keep-cluster is given.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster.choose import Provider, Request, open_cluster
from devcluster.cluster import Cluster
from devcluster.console import ConsoleReporter
from devcluster.crds import crd_files, install_crds
from devcluster.errors import DevclusterError
from devcluster.home import Home
from devcluster.sessions import Sessions, session_name
from devcluster.state import State

SESSION = pytest.StashKey[str]()
PYTEST_KIND_DEFAULT = "pytest-kind"  # pytest-kind's default of --cluster-name: nobody has chosen a name
DEFAULT_NAME = "pytest"


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Our own option, and pytest-kind's: its plugin registers them unless it is blocked, then we do."""
    group = parser.getgroup("devcluster")
    group.addoption(
        "--cluster-provider",
        choices=[str(provider) for provider in Provider if provider is not Provider.CONTROL_PLANE],
        default=str(Provider.AUTO),
        help="Where the fixture `cluster` comes from (default: what this machine can run)",
    )
    if pluginmanager.is_blocked("pytest-kind"):
        group.addoption("--cluster-name", default=PYTEST_KIND_DEFAULT, help="Name of the cluster")
        group.addoption("--keep-cluster", action="store_true", help="Leave the clusters up after the session")
        group.addoption("--kubeconfig", default=None, help="Use the cluster of this kubeconfig")
        group.addoption("--kind-image", default=None, help="Node image of a kind cluster")


def pytest_configure(config: pytest.Config) -> None:
    """Name this session: workers get the name from the process that runs them."""
    config.stash[SESSION] = _worker_input(config).get("devcluster_session") or session_name()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a pytest-xdist worker the session's name."""
    node.workerinput["devcluster_session"] = node.config.stash[SESSION]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the clusters, after the last test of the last worker; end those that nobody uses or wants to keep."""
    session = config.stash.get(SESSION, None)
    if _worker_input(config) or not session:
        return
    home = Home.default()
    for name in (_name(config), _control_plane_name(config), _extended_name(config)):
        with Sessions(home, name).leave(session) as last:
            state = State.load(home.cluster(name))
            if not state or not state.session:
                continue
            if config.getoption("keep_cluster"):
                state.session = None
                state.save(home.cluster(name))
            elif last:
                open_cluster(Request(name, Provider(state.provider))).delete()


@pytest.fixture(scope="session")
def control_plane(pytestconfig: pytest.Config) -> Cluster:
    """A control plane: API server, etcd, controller manager and scheduler. Pods stay Pending."""
    return _create(pytestconfig, _without_pods(pytestconfig, _control_plane_name(pytestconfig)))


@pytest.fixture(scope="session")
def extended_control_plane(pytestconfig: pytest.Config) -> Cluster:
    """A second control plane, which serves Gateway API, KEDA and the Prometheus operator's kinds too.

    `control_plane` never does, so a test chooses by its fixture whether its cluster knows them.
    """
    opened = _create(pytestconfig, _without_pods(pytestconfig, _extended_name(pytestconfig)))
    with _uncaptured(pytestconfig):
        install_crds(opened, crd_files(Home.default(), ConsoleReporter(sys.stderr)))
    return opened


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    """A cluster that runs pods."""
    kubeconfig = pytestconfig.getoption("kubeconfig")
    return _create(
        pytestconfig,
        Request(
            _name(pytestconfig),
            Provider(pytestconfig.getoption("cluster_provider")),
            Path(kubeconfig) if kubeconfig else None,
            pytestconfig.getoption("kind_image"),
            pytestconfig.stash[SESSION],
        ),
    )


def _without_pods(config: pytest.Config, name: str) -> Request:
    return Request(name, Provider.CONTROL_PLANE, session=config.stash[SESSION])


def _create(config: pytest.Config, request: Request) -> Cluster:
    Sessions(Home.default(), request.name).join(config.stash[SESSION])
    with _uncaptured(config):
        opened = open_cluster(request, ConsoleReporter(sys.stderr))
        try:
            opened.create()
        except DevclusterError as error:
            pytest.fail(str(error), pytrace=False)
    return opened


@contextlib.contextmanager
def _uncaptured(config: pytest.Config) -> Iterator[None]:
    # A first build takes minutes: show it. Workers of xdist have no terminal; their output goes nowhere.
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is None or _worker_input(config):
        yield
        return
    with capture.global_and_fixture_disabled():
        sys.stderr.write("\n")
        yield


def _worker_input(config: pytest.Config) -> dict[str, str]:
    given: dict[str, str] = getattr(config, "workerinput", {})
    return given


def _name(config: pytest.Config) -> str:
    chosen = str(config.getoption("cluster_name", default=PYTEST_KIND_DEFAULT))
    return DEFAULT_NAME if chosen == PYTEST_KIND_DEFAULT else chosen


def _control_plane_name(config: pytest.Config) -> str:
    return f"{_name(config)}-control-plane"


def _extended_name(config: pytest.Config) -> str:
    return f"{_name(config)}-extended"

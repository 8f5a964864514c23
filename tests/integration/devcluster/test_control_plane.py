"""The control plane's life, with real processes."""

import datetime as dt
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devcluster.control_plane import ControlPlaneCluster
from devcluster.embedded import EmbeddedCluster
from devcluster.errors import NotRunningError, StartError, ToolError, UsageError
from devcluster.home import Home
from devcluster.processes import alive
from devcluster.state import State
from tests.integration.devcluster.conftest import programs

DEADLINE = 30.0


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE} s: {what}"
        threading.Event().wait(0.05)


def state_of(cluster: EmbeddedCluster) -> State:
    state = State.load(cluster.directory)
    assert state is not None
    return state


@pytest.fixture(scope="module")
def shared(home: Home) -> Iterator[ControlPlaneCluster]:
    """One cluster for all tests that leave it as it was."""
    cluster = ControlPlaneCluster("shared", home)
    cluster.create()
    yield cluster
    cluster.delete()


def test_it_is_up_and_up_again_is_the_same_cluster(shared: ControlPlaneCluster, home: Home) -> None:
    assert shared.status().problem is None
    assert set(shared.status().components.values()) == {"running"}
    before = state_of(shared)

    ControlPlaneCluster("shared", home).create()

    assert state_of(shared).processes == before.processes
    assert shared.kubeconfig_path.stat().st_mode & 0o777 == 0o600


def test_controllers_work_and_pods_wait(shared: ControlPlaneCluster) -> None:
    shared.kubectl("create", "namespace", "shop")
    shared.kubectl("create", "deployment", "web", "--image=web:1", "--replicas=2", "-n", "shop")

    def phases() -> list[str]:
        return shared.kubectl("get", "pods", "-n", "shop", "-o", "jsonpath={.items[*].status.phase}").split()

    eventually(lambda: phases() == ["Pending", "Pending"], "the deployment's pods")
    shared.kubectl("delete", "deployment", "web", "-n", "shop")
    eventually(lambda: not phases(), "the garbage collector has removed the pods")


def test_service_accounts_get_tokens_the_api_accepts(shared: ControlPlaneCluster) -> None:
    token = shared.kubectl("create", "token", "default").strip()
    server = shared.status().server
    anonymous = ("--kubeconfig=/dev/null", f"--server={server}", f"--token={token}", "--insecure-skip-tls-verify")
    said = shared.kubectl("auth", "whoami", "-o", "json", *anonymous)
    assert json.loads(said)["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"


def test_every_write_is_in_the_audit_log_with_who_made_it(shared: ControlPlaneCluster) -> None:
    def writes(after: dt.datetime) -> list[tuple[str, str, str]]:
        return [
            (event["user"]["username"], event["verb"], event["objectRef"]["resource"])
            for event in shared.audit_events(after)
            if event.get("objectRef", {}).get("name") == "audited"
        ]

    begun = dt.datetime.now(dt.UTC)
    shared.kubectl("create", "configmap", "audited")
    shared.kubectl("delete", "configmap", "audited")
    expected = [("kubernetes-admin", verb, "configmaps") for verb in ("create", "delete")]
    eventually(lambda: [each for each in writes(begun) if each[1] in ("create", "delete")] == expected, "both events")
    assert writes(dt.datetime.now(dt.UTC)) == []


def test_the_api_server_can_be_away_and_back(shared: ControlPlaneCluster) -> None:
    shared.kubectl("create", "configmap", "survivor")
    others = {name: process for name, process in state_of(shared).processes.items() if name != "kube-apiserver"}

    shared.stop_component("kube-apiserver")
    assert shared.status().problem == "kube-apiserver not running"
    with pytest.raises(ToolError, match="refused"):
        shared.kubectl("get", "configmap", "survivor")
    assert all(alive(process) for process in others.values())

    shared.start_component("kube-apiserver")
    assert shared.kubectl("get", "configmap", "survivor", "-o", "name") == "configmap/survivor\n"
    assert shared.status().problem is None


def test_etcd_can_be_away_and_back(shared: ControlPlaneCluster) -> None:
    shared.stop_component("etcd")
    shared.start_component("etcd")
    shared.start_component("etcd")  # no error: it runs
    shared.kubectl("create", "configmap", "after-etcd")
    with pytest.raises(UsageError, match="no component"):
        shared.stop_component("kubelet")


def test_etcd_can_be_paused(shared: ControlPlaneCluster) -> None:
    shared.pause_component("etcd")
    try:
        with pytest.raises(ToolError, match=r"(?i)timeout|timed out|deadline"):
            shared.kubectl("create", "configmap", "in-the-pause", "--request-timeout=2s")
        assert shared.status().components["etcd"] == "running"
    finally:
        shared.resume_component("etcd")
    shared.start_component("etcd")  # it runs: this waits until the API server is ready
    shared.kubectl("create", "configmap", "after-the-pause")


def test_clusters_with_different_names_do_not_meet(shared: ControlPlaneCluster, home: Home) -> None:
    other = ControlPlaneCluster("other", home)
    threads = [threading.Thread(target=ControlPlaneCluster("other", home).create) for _ in range(2)]
    for thread in threads:  # two at once: one cluster
        thread.start()
    for thread in threads:
        thread.join()
    assert len([line for line in programs(home) if "/other/" in line and "kube-apiserver" in line]) == 1
    shared.kubectl("create", "namespace", "here")
    assert "here" not in other.kubectl("get", "namespaces")

    directory, run = other.directory, Path(state_of(other).run)
    other.delete()
    other.delete()

    assert not directory.exists()
    assert not run.exists()
    assert not [line for line in programs(home) if "/other/" in line]
    assert shared.status().problem is None
    with pytest.raises(NotRunningError, match="devcluster up --name other"):
        list(other.audit_events())


@pytest.mark.parametrize("component", ["etcd", "kube-scheduler"])
def test_a_crashed_cluster_is_seen_and_replaced(home: Home, component: str) -> None:
    cluster = ControlPlaneCluster("crashed", home)
    cluster.create()
    try:
        cluster.kubectl("create", "configmap", "old")
        before = state_of(cluster).processes
        os.kill(before[component].pid, signal.SIGKILL)
        eventually(lambda: cluster.status().problem == f"{component} not running", "the crash is seen")

        cluster.create()

        assert cluster.status().problem is None
        assert not set(state_of(cluster).processes.values()) & set(before.values())
        assert not any(alive(process) for process in before.values())
        assert "old" not in cluster.kubectl("get", "configmaps")
    finally:
        cluster.delete()


def test_a_start_that_was_killed_half_way_is_replaced(home: Home) -> None:
    cluster = ControlPlaneCluster("half", home)
    cluster.create()
    try:
        state = state_of(cluster)
        state.ready = False
        state.save(cluster.directory)
        assert cluster.status().problem == "its start was interrupted"
        cluster.create()
        assert not any(alive(process) for process in state.processes.values())
        assert cluster.status().problem is None
    finally:
        cluster.delete()


def test_a_failed_start_names_the_component_and_leaves_only_its_log(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = ControlPlaneCluster("broken", home)
    plan = cluster._plan  # noqa: SLF001 (there is no way to misconfigure one from outside)

    def broken(*args: object) -> object:
        made = plan(*args)  # type: ignore[arg-type]
        made.commands["kube-controller-manager"].append("--no-such-flag")
        return made

    monkeypatch.setattr(cluster, "_plan", broken)
    with pytest.raises(StartError, match="unknown flag: --no-such-flag") as caught:
        cluster.create()

    assert caught.value.component == "kube-controller-manager"
    assert caught.value.log.exists()
    assert str(caught.value.log) in str(caught.value)
    assert not [line for line in programs(home) if "/broken/" in line]
    assert cluster.status().problem == "it is not up"
    cluster.delete()
    assert not cluster.directory.exists()

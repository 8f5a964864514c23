"""The node and the machine it runs on: nothing of it is left, and nothing of the machine is changed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.binaries import built_binaries
from devcluster.console import Silent
from devcluster.home import Home
from devcluster.node.cluster import HOLDER, NodeCluster
from devcluster.processes import alive
from devcluster.state import State

pytestmark = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="the node needs root on Linux")

NAME = "leaves-nothing"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeCluster]:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    built_binaries(Home.default(), Silent())
    home.binaries.symlink_to(Home.default().binaries)
    cluster = NodeCluster(NAME, home)
    yield cluster
    cluster.delete()


def machine(home: Home) -> dict[str, object]:
    """What a node could leave behind or change."""

    def say(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    ours = (str(home.root), "devcluster")
    return {
        "processes": [line for line in say("ps", "-ewwo", "args").splitlines() if str(home.root) in line],
        "mounts": [line for line in mounts if any(each in line for each in ours)],
        "namespaces": say("ip", "netns", "list"),
        "links": say("ip", "-brief", "link"),
        "firewall": say("nft", "list", "ruleset"),
        "forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        "control groups": sorted(str(path) for path in Path("/sys/fs/cgroup").rglob(f"*{NAME}*")),
        "CNI results": Path("/var/lib/cni").exists(),
    }


def state_of(cluster: NodeCluster) -> State:
    state = State.load(cluster.directory)
    assert state is not None
    return state


def test_nothing_is_left_of_a_node_with_pods(node: NodeCluster, peer_image: Path) -> None:
    before = machine(node.home)
    node.create()
    node.load_docker_image(str(peer_image))
    node.load_docker_image(str(peer_image))
    node.kubectl("run", "peer", "--image=devcluster-peer:1", "--", "serve")
    node.kubectl("wait", "--for=condition=Ready", "pod/peer", "--timeout=60s")
    during, run = machine(node.home), Path(state_of(node).run)
    assert all(during[what] for what in ("processes", "control groups"))
    assert {what for what in before if during[what] != before[what]} <= {"processes", "control groups", "CNI results"}

    node.delete()

    assert machine(node.home) == before
    assert not node.directory.exists()
    assert not run.exists()


def test_the_api_can_be_away_and_a_dead_node_is_replaced(node: NodeCluster) -> None:
    node.create()
    state = state_of(node)
    node.create()
    assert state_of(node).processes == state.processes, "up twice is one cluster"

    node.stop_component("kube-apiserver")
    assert node.status().problem == "kube-apiserver not running"
    node.start_component("kube-apiserver")
    assert node.kubectl("get", "nodes", "-o", "name") == f"node/{NAME}-node\n"

    os.kill(state.processes[HOLDER].pid, signal.SIGKILL)
    node.create()
    assert not any(alive(process) for process in state.processes.values())
    assert node.status().problem is None

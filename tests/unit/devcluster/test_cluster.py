import os
import shutil
from pathlib import Path

import pytest

from devcluster.cluster import Cluster, Status
from devcluster.errors import PortForwardError, ToolError, UnsupportedError
from tests.unit.devcluster.conftest import StandIn


class Bare(Cluster):
    """Only what a cluster must have."""

    provider = "bare"
    has_pods = False

    def create(self) -> None: ...

    def delete(self) -> None: ...

    def status(self) -> Status:
        return Status(self.name, self.provider, None)

    def tool(self, name: str) -> Path:
        return Path(shutil.which(name) or name)


@pytest.fixture
def cluster(tmp_path: Path) -> Bare:
    return Bare("dev", tmp_path / "kubeconfig")


def test_kubectl_gets_arguments_input_and_the_kubeconfig(cluster: Bare, stand_in: StandIn) -> None:
    stand_in("kubectl", 'echo "$KUBECONFIG $EXTRA"; cat')
    answer = cluster.kubectl("apply", "-f", "-", input="manifest", env={"EXTRA": "more"})
    assert answer == f"{cluster.kubeconfig_path} more\nmanifest"


def test_what_a_failed_kubectl_said_is_in_the_error(cluster: Bare, stand_in: StandIn) -> None:
    stand_in("kubectl", "echo not found >&2; exit 3")
    with pytest.raises(ToolError, match="kubectl get pod x: exit code 3: not found") as caught:
        cluster.kubectl("get", "pod", "x")
    assert caught.value.returncode == 3


def test_a_forwarded_port_is_the_one_kubectl_says_and_ends_with_the_context(cluster: Bare, stand_in: StandIn) -> None:
    calls = stand_in("kubectl", "echo $$ >$CALLS.pid; echo 'Forwarding from 127.0.0.1:4711 -> 80'; exec sleep 1000")
    with cluster.port_forward("service/x", 80, "-n", "shop") as port:
        assert port == 4711
        pid = int(calls.with_name("kubectl.calls.pid").read_text())
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert "port-forward service/x :80 -n shop --address=127.0.0.1" in calls.read_text()


def test_a_pod_that_is_not_ready_yet_is_tried_again(
    cluster: Bare, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devcluster.cluster.RETRY_DELAY", 0)
    calls = stand_in(
        "kubectl",
        "[ $(wc -l <$CALLS) -ge 3 ] || { echo pod is not running; exit 1; }\n"
        "echo 'Forwarding from 127.0.0.1:4711 -> 80'; exec sleep 1000",
    )
    with cluster.port_forward("pod/x", 80, local_port=4711, retries=3) as port:
        assert port == 4711
    assert "port-forward pod/x 4711:80" in calls.read_text()


def test_when_it_never_works_the_error_has_what_kubectl_said(
    cluster: Bare, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devcluster.cluster.RETRY_DELAY", 0)
    stand_in("kubectl", "echo pod is not running; exit 1")
    with (
        pytest.raises(PortForwardError, match="after 2 attempts: pod is not running"),
        cluster.port_forward("pod/x", 80, retries=2),
    ):
        pytest.fail("there is nothing to connect to")


def test_what_a_provider_cannot_do_it_says(cluster: Bare) -> None:
    for attempt in (
        lambda: cluster.load_docker_image("order:dev"),
        cluster.audit_events,
        lambda: cluster.stop_component("etcd"),
        lambda: cluster.start_component("etcd"),
        lambda: cluster.pause_component("etcd"),
        lambda: cluster.resume_component("etcd"),
        lambda: cluster.logs_dir,
    ):
        with pytest.raises(UnsupportedError, match="provider bare cannot"):
            attempt()

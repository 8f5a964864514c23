from pathlib import Path

import pytest

from devcluster import components
from devcluster.binaries import LINKS, Binaries
from devcluster.components import Endpoint
from devcluster.layout import Layout
from devcluster.plan import Plan

LAYOUT = Layout(Path("/home/clusters/dev"), Path("/run/devcluster-x"))
BINARIES = Binaries("key", {name: Path("/bin", name) for name in LINKS})
LOCAL = Endpoint("127.0.0.1", 20000, "127.0.0.1")


def test_the_control_plane_starts_from_the_store_up() -> None:
    commands = components.control_plane(LAYOUT, BINARIES, LOCAL)
    assert list(commands) == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
    assert [argv[0] for argv in commands.values()] == [f"/bin/{name}" for name in commands]


def test_only_the_api_server_opens_a_port() -> None:
    commands = components.control_plane(LAYOUT, BINARIES, LOCAL)
    assert "--secure-port=20000" in commands["kube-apiserver"]
    assert "--bind-address=127.0.0.1" in commands["kube-apiserver"]
    assert "--secure-port=0" in commands["kube-controller-manager"]
    assert "--secure-port=0" in commands["kube-scheduler"]
    assert "--listen-client-urls=unix://etcd:1" in commands["etcd"]
    assert "--listen-peer-urls=unix://etcd-peers:1" in commands["etcd"]


@pytest.mark.parametrize(("address", "kept"), [("127.0.0.1", False), ("10.0.0.1", True)])
def test_endpoints_of_kubernetes_default_are_kept_where_pods_can_use_them(address: str, *, kept: bool) -> None:
    argv = components.api_server(LAYOUT, BINARIES, Endpoint(address, 6443, address))
    assert ("--endpoint-reconciler-type=none" not in argv) is kept


def test_the_api_servers_certificate_answers_to_every_way_it_is_reached() -> None:
    subjects = {subject.file: subject for subject in components.subjects(Endpoint("10.0.0.1", 6443, "10.0.0.1"))}
    hosts = set(subjects["apiserver"].hosts)
    assert {"127.0.0.1", "localhost", "10.0.0.1", "10.96.0.1", "kubernetes.default.svc"} <= hosts
    assert subjects["admin"].groups == ("system:masters",)


def test_a_plan_is_the_same_cluster_only_with_the_same_parts() -> None:
    def plan(**changed: object) -> Plan:
        parts: dict[str, object] = {"subjects": (), "files": {"a": "1"}, "kubeconfigs": {}, "commands": {"etcd": ["x"]}}
        return Plan(**{**parts, **changed})  # type: ignore[arg-type]

    same = plan().fingerprint(BINARIES)
    assert plan().fingerprint(BINARIES) == same
    assert plan(files={"a": "2"}).fingerprint(BINARIES) != same
    assert plan(commands={"etcd": ["y"]}).fingerprint(BINARIES) != same
    assert plan().fingerprint(Binaries("newer", BINARIES.paths)) != same

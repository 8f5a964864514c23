from pathlib import Path

import pytest

from devcluster.choose import Machine, Provider, Request, choose, open_cluster
from devcluster.control_plane import ControlPlaneCluster
from devcluster.errors import UsageError
from devcluster.existing import ExistingCluster
from devcluster.home import Home
from devcluster.state import State


def machine(*, linux: bool = True, root: bool = False, docker: bool = False) -> Machine:
    return Machine(linux, root, lambda: docker)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (machine(root=True), Provider.NODE),
        (machine(root=True, docker=True), Provider.NODE),
        (machine(docker=True), Provider.KIND),
        (machine(linux=False, docker=True), Provider.KIND),
        (machine(linux=False, root=True, docker=True), Provider.KIND),
    ],
)
def test_what_the_machine_has_decides(on: Machine, expected: Provider) -> None:
    assert choose(Request("dev"), on) == expected


@pytest.mark.parametrize("named", [Provider.NODE, Provider.CONTROL_PLANE, Provider.KIND, Provider.EXISTING])
def test_a_name_beats_the_machine(named: Provider) -> None:
    assert choose(Request("dev", named), machine()) == named


def test_a_kubeconfig_means_an_existing_cluster() -> None:
    assert choose(Request("dev", kubeconfig=Path("config")), machine(root=True)) == Provider.EXISTING


def test_a_cluster_that_is_up_keeps_its_provider() -> None:
    assert choose(Request("dev"), machine(root=True), existing="control-plane") == Provider.CONTROL_PLANE


@pytest.mark.parametrize(("on", "hint"), [(machine(), "sudo"), (machine(linux=False), "needs Linux")])
def test_where_no_pods_can_run_the_error_says_what_would_help(on: Machine, hint: str) -> None:
    with pytest.raises(UsageError, match=hint) as caught:
        choose(Request("dev"), on)
    assert "--provider control-plane" in str(caught.value)


def test_a_name_that_is_taken_by_another_provider_is_refused(home: Home) -> None:
    home.cluster("dev").mkdir(parents=True)
    State("control-plane", "", "").save(home.cluster("dev"))

    assert isinstance(open_cluster(Request("dev"), home=home), ControlPlaneCluster)
    with pytest.raises(UsageError, match="cluster of the provider control-plane"):
        open_cluster(Request("dev", Provider.NODE), home=home)


def test_an_existing_cluster_is_found_again_by_its_name(home: Home, tmp_path: Path) -> None:
    home.cluster("dev").mkdir(parents=True)
    State("existing", "", "", kubeconfig=str(tmp_path / "config")).save(home.cluster("dev"))

    cluster = open_cluster(Request("dev"), home=home)

    assert isinstance(cluster, ExistingCluster)
    assert cluster.kubeconfig_path == tmp_path / "config"

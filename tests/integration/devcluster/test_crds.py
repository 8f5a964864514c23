"""Whether a cluster knows other projects' kinds is chosen by the fixture."""

from devcluster.cluster import Cluster
from devcluster.console import Silent
from devcluster.crds import FILES, crd_files, install_crds
from devcluster.home import Home

GROUPS = {"gateway.networking.k8s.io", "keda.sh", "monitoring.coreos.com"}


def served(cluster: Cluster) -> set[str]:
    return {line.partition("/")[0] for line in cluster.kubectl("api-versions").splitlines()}


def test_only_the_extended_control_plane_serves_other_projects_kinds(
    control_plane: Cluster, extended_control_plane: Cluster
) -> None:
    assert served(extended_control_plane) >= GROUPS
    assert not served(control_plane) & GROUPS


def test_installing_again_changes_nothing(extended_control_plane: Cluster) -> None:
    def generations() -> str:
        return extended_control_plane.kubectl("get", "crds", "-o", "jsonpath={.items[*].metadata.generation}")

    before = generations()
    assert len(before.split()) >= sum(map(len, FILES.values()))
    install_crds(extended_control_plane, crd_files(Home.default(), Silent()))
    assert generations() == before

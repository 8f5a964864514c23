"""`doctor` on a cluster where nothing is installed; what it finds on a sound one is shown on a real API server."""

from delivery_operator.cluster.resources import DEPLOYMENTS
from tests.unit.cli.apiserver import Server
from tests.unit.cli.conftest import Delivery


def test_what_is_not_installed_is_a_problem_with_a_remedy(server: Server, delivery: Delivery) -> None:
    server.objects["/version"] = {"gitVersion": "v1.36.3", "major": "1", "minor": "36"}
    server.objects[DEPLOYMENTS.path(None)] = {"items": [], "metadata": {"resourceVersion": "1"}}
    told = delivery("doctor").out
    assert "ok       cluster: Kubernetes v1.36.3" in told
    assert "problem  operator: no operator is installed in any namespace" in told
    assert "install or upgrade the chart: docs/how-to/install.md" in told


def test_a_cluster_that_is_too_old_is_named(server: Server, delivery: Delivery) -> None:
    server.objects["/version"] = {"gitVersion": "v1.30.9", "major": "1", "minor": "30"}
    assert "problem  cluster: Kubernetes v1.30.9" in delivery("doctor").out

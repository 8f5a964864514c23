from pathlib import Path

import pytest

from devcluster.errors import NotRunningError, UsageError
from devcluster.existing import ExistingCluster
from devcluster.home import Home
from tests.unit.devcluster.conftest import StandIn


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.touch()
    return path


def test_one_that_answers_is_used_and_only_forgotten_at_the_end(
    home: Home, kubeconfig: Path, stand_in: StandIn
) -> None:
    calls = stand_in("kubectl", "")
    cluster = ExistingCluster("mine", kubeconfig, home)
    cluster.create()
    assert home.cluster_names() == ["mine"]
    cluster.delete()
    assert home.cluster_names() == []
    assert calls.read_text() == "get --raw=/readyz --request-timeout=10s\n"
    assert kubeconfig.exists()


def test_one_that_does_not_answer_is_an_error(home: Home, kubeconfig: Path, stand_in: StandIn) -> None:
    stand_in("kubectl", "echo connection refused >&2; exit 1")
    with pytest.raises(NotRunningError, match="connection refused"):
        ExistingCluster("mine", kubeconfig, home).create()


def test_without_a_kubeconfig_the_error_says_how_to_name_one(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--kubeconfig"):
        ExistingCluster("mine", tmp_path / "absent", home).create()

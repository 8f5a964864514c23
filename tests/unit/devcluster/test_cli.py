from pathlib import Path

import pytest
from typer.testing import CliRunner

from devcluster.cli import app
from devcluster.home import Home
from devcluster.state import State
from tests.unit.devcluster.conftest import StandIn

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def existing(home: Home, tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster `mine` of somebody else, whose kubectl is a stand-in."""
    monkeypatch.setenv("DEVCLUSTER_HOME", str(home.root))
    monkeypatch.delenv("DEVCLUSTER_NAME", raising=False)
    calls = stand_in("kubectl", "")
    (tmp_path / "config").touch()
    home.cluster("mine").mkdir(parents=True)
    State("existing", "", "", kubeconfig=str(tmp_path / "config")).save(home.cluster("mine"))
    return calls


def test_commands_for_a_cluster_that_is_not_up_say_how_to_bring_it_up() -> None:
    for command in (["kubectl", "get", "pods"], ["env"], ["load-image", "x"], ["port-forward", "pod/x", "80"]):
        result = RUNNER.invoke(app, command)
        assert result.exit_code == 1
        assert "The cluster dev is not up: devcluster up --name dev" in result.stderr


def test_kubectl_gets_every_argument_after_its_first(existing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[Path, list[str], dict[str, str]]] = []
    monkeypatch.setattr("os.execve", lambda *args: called.append(args))
    RUNNER.invoke(app, ["kubectl", "--name", "mine", "-n", "shop", "create", "x", "--name", "y", "--help"])
    [(path, argv, environment)] = called
    assert path == existing.with_name("kubectl")
    assert argv == ["kubectl", "-n", "shop", "create", "x", "--name", "y", "--help"]
    assert environment["KUBECONFIG"].endswith("/config")


def test_env_prints_what_a_shell_can_read(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["env", "--name", "mine"])
    assert f"export KUBECONFIG={tmp_path}/config\n" in result.stdout
    assert f'export PATH={tmp_path}/bin:"$PATH"\n' in result.stdout


def test_status_is_for_people_and_for_programs() -> None:
    assert "mine (existing): up" in RUNNER.invoke(app, ["status"]).stdout
    assert '"provider": "existing"' in RUNNER.invoke(app, ["status", "--json"]).stdout


def test_status_of_a_cluster_that_is_not_well_is_an_error(stand_in: StandIn) -> None:
    stand_in("kubectl", "echo refused >&2; exit 1")
    result = RUNNER.invoke(app, ["status"])
    assert result.exit_code == 1
    assert "refused" in result.stdout


def test_down_forgets_and_twice_is_no_error(home: Home) -> None:
    assert RUNNER.invoke(app, ["down", "--name", "mine"]).exit_code == 0
    assert home.cluster_names() == []
    result = RUNNER.invoke(app, ["down", "--name", "mine"])
    assert result.exit_code == 0
    assert "not up" in result.stderr

"""Which commands kind gets. A stand-in answers: a real kind needs a Docker engine."""

from pathlib import Path

import pytest

from devcluster.errors import ImageError, NotRunningError
from devcluster.home import Home
from devcluster.kind import KindProvider
from devcluster.state import State
from tests.unit.devcluster.conftest import StandIn

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: kind-dev
clusters: [{name: kind-dev, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: kind-dev, user: {}}]
contexts: [{name: kind-dev, context: {cluster: kind-dev, user: kind-dev}}]
"""


@pytest.fixture
def kind(home: Home, stand_in: StandIn, tmp_path: Path) -> Path:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    config = home.cluster("dev") / "kubeconfig"
    stand_in("kubectl", "")
    return stand_in(
        "kind",
        f"""case "$1 $2" in
"get clusters") cat $CALLS.clusters 2>/dev/null || true;;
"create cluster") echo dev >$CALLS.clusters; cp {tmp_path}/kubeconfig {config};;
"delete cluster") rm -f $CALLS.clusters;;
esac""",
    )


@pytest.fixture
def cluster(home: Home) -> KindProvider:
    return KindProvider("dev", home, image="kindest/node:v1.36.0")


def test_it_is_created_once_waited_for_and_deleted(
    cluster: KindProvider, kind: Path, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cluster.create()
    cluster.create()

    creations = [line for line in kind.read_text().splitlines() if line.startswith("create")]
    config = home.cluster("dev") / "kubeconfig"
    assert creations == [f"create cluster --name=dev --kubeconfig={config} --image=kindest/node:v1.36.0"]
    assert "wait --for=condition=Ready nodes --all" in kind.with_name("kubectl.calls").read_text()
    assert home.cluster_names() == ["dev"]
    assert not (tmp_path / ".pytest-kind").exists(), "nothing is left where we are"

    cluster.delete()
    assert kind.read_text().splitlines()[-1] == f"delete cluster --name=dev --kubeconfig={config}"
    assert home.cluster_names() == []


def test_one_that_is_not_known_is_not_deleted(cluster: KindProvider, kind: Path) -> None:
    cluster.delete()
    assert kind.read_text() == ""


def test_images_are_loaded_from_docker_by_name_and_from_a_file_by_path(
    cluster: KindProvider, kind: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "order.tar"
    archive.touch()
    cluster.load_docker_image("order:dev")
    cluster.load_docker_image(str(archive))
    assert kind.read_text().splitlines() == [
        "load docker-image --name dev order:dev",
        f"load image-archive --name dev {archive}",
    ]


@pytest.mark.usefixtures("kind")
def test_the_session_that_creates_it_is_remembered(home: Home) -> None:
    KindProvider("dev", home, session="1-2").create()
    state = State.load(home.cluster("dev"))
    assert state is not None
    assert (state.provider, state.session) == ("kind", "1-2")


def test_failures_are_ours(cluster: KindProvider, stand_in: StandIn) -> None:
    stand_in("kubectl", "")
    stand_in("kind", "exit 1")
    with pytest.raises(NotRunningError, match="kind could not start the cluster dev"):
        cluster.create()
    with pytest.raises(ImageError, match="kind could not load order:dev"):
        cluster.load_docker_image("order:dev")

"""Every golden is taken by the judges that the field trusts, and each judge finds what is wrong."""

import copy
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.cluster import Cluster
from tests.support.dry_run import RESTRICTED, pod_template, refusals
from tests.support.kube import Kube
from tests.support.manifests import EXCEPTIONS, conform, excused_by, findings, score

Manifest = dict[str, Any]
Change = Callable[[Manifest], object]

GOLDENS = sorted((Path(__file__).parents[2] / "unit/goldens").glob("*.yaml"))
SAMPLES = Path(__file__).with_name("samples.yaml")


def read(path: Path) -> list[Manifest]:
    return list(yaml.safe_load_all(path.read_text()))


def broken(path: Path, kind: str, change: Change) -> list[Manifest]:
    """The manifests of a file, one of them changed."""
    manifests = copy.deepcopy(read(path))
    change(next(each for each in manifests if each["kind"] == kind))
    return manifests


golden = pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
sample = pytest.mark.parametrize("manifest", read(SAMPLES), ids=lambda manifest: manifest["kind"])


@pytest.fixture(scope="module")
def namespace(extended_kube: Kube, extended_control_plane: Cluster) -> Iterator[str]:
    """A namespace that takes no pod below the restricted standard."""
    name = f"restricted-{uuid.uuid4().hex[:10]}"
    extended_kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}})
    extended_control_plane.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name)
    yield name
    extended_kube.delete("Namespace", None, name)


@golden
def test_kubeconform_finds_nothing(path: Path) -> None:
    """T-12."""
    assert conform(read(path)) == []


@golden
def test_kube_score_finds_nothing_critical_but_what_we_mean(path: Path) -> None:
    assert score(read(path)) == []


def test_every_exception_is_needed() -> None:
    needed = {entry for path in GOLDENS for finding in findings(read(path)) for entry in excused_by(finding)}
    assert EXCEPTIONS.keys() - needed == set()


@golden
def test_the_api_server_takes_it_and_its_pods_meet_the_restricted_standard(
    path: Path, extended_control_plane: Cluster, namespace: str
) -> None:
    assert refusals(extended_control_plane, namespace, read(path)) == []


def test_every_pod_is_judged() -> None:
    manifests = [manifest for path in GOLDENS for manifest in read(path)]
    makers = {"CronJob", "Deployment", "Job"}
    assert all((each["kind"] in makers) == (pod_template(each) is not None) for each in manifests)


@sample
def test_custom_kinds_are_known_to_both_judges(
    manifest: Manifest, extended_control_plane: Cluster, namespace: str
) -> None:
    assert conform([manifest]) == []
    assert refusals(extended_control_plane, namespace, [manifest]) == []


@sample
def test_both_judges_refuse_an_unknown_field(
    manifest: Manifest, extended_control_plane: Cluster, namespace: str
) -> None:
    spoiled = {**manifest, "spec": {**manifest["spec"], "replcias": 3}}
    [said] = conform([spoiled])
    assert said.endswith("'/spec': additional properties 'replcias' not allowed")
    assert 'unknown field "spec.replcias"' in "".join(refusals(extended_control_plane, namespace, [spoiled]))


ORDER = next(path for path in GOLDENS if path.stem == "order")


def pod(manifest: Manifest) -> Any:
    return manifest["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        pytest.param("Service", lambda m: m["spec"].update(port=80), "'/spec': additional properties", id="field"),
        pytest.param("Deployment", lambda m: m["spec"].update(replicas="2"), "'/spec/replicas': got string", id="type"),
        pytest.param("ConfigMap", lambda m: m["metadata"].update(label={}), "'/metadata': additional", id="metadata"),
        pytest.param("Job", lambda m: m.update(apiVersion="batch/v3"), "could not find schema", id="version"),
    ],
)
def test_kubeconform_finds_what_does_not_conform(kind: str, change: Change, said: str) -> None:
    [found] = conform(each for each in broken(ORDER, kind, change) if each["kind"] == kind)
    assert found.startswith(kind)
    assert said in found


@pytest.mark.parametrize(
    ("change", "check"),
    [
        pytest.param(lambda m: pod(m)["containers"][0].update(image="order:latest"), "container-image-tag", id="tag"),
        pytest.param(
            lambda m: pod(m)["containers"][0]["securityContext"].update(readOnlyRootFilesystem=False),
            "container-security-context-readonlyrootfilesystem",
            id="root file system",
        ),
        pytest.param(lambda m: pod(m)["containers"][0].pop("resources"), "Memory limit is not set", id="memory"),
    ],
)
def test_kube_score_finds_what_would_go_wrong(change: Change, check: str) -> None:
    found = score(broken(ORDER, "Deployment", change))
    assert any(check in each for each in found)


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        pytest.param("Service", lambda m: m["spec"].update(port=80), 'unknown field "spec.port"', id="field"),
        pytest.param("Service", lambda m: m["spec"]["ports"][0].update(port=0), "spec.ports[0].port", id="value"),
        pytest.param("Deployment", lambda m: pod(m).update(hostNetwork=True), "violates PodSecurity", id="deployment"),
        pytest.param("Job", lambda m: pod(m).pop("securityContext"), "violates PodSecurity", id="job"),
    ],
)
def test_the_api_server_finds_what_it_would_refuse(
    kind: str, change: Change, said: str, extended_control_plane: Cluster, namespace: str
) -> None:
    assert said in "".join(refusals(extended_control_plane, namespace, broken(ORDER, kind, change)))


def test_a_dry_run_keeps_nothing(extended_kube: Kube, extended_control_plane: Cluster, namespace: str) -> None:
    refusals(extended_control_plane, namespace, read(ORDER))
    assert extended_kube.list("Deployment", namespace) == []

"""The Helm chart: what it renders, and what it refuses."""

import pytest
import yaml

from delivery_operator import __version__
from devcluster.cluster import Cluster
from tests.support.chart import CHART, Manifest, helm, of_kind, only, render

CRDS = CHART.parents[1] / "crds"


def container(manifests: list[Manifest]) -> Manifest:
    found: Manifest
    (found,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    return found


def test_chart_is_clean() -> None:
    answer = helm("lint", "--strict", str(CHART))

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_chart_is_of_the_operators_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_pod_satisfies_the_restricted_standard() -> None:
    manifests = render()
    pod = only(manifests, "Deployment")["spec"]["template"]["spec"]

    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(manifests)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_two_replicas_of_which_one_is_always_there() -> None:
    manifests = render()
    spec = only(manifests, "Deployment")["spec"]
    budget = only(manifests, "PodDisruptionBudget")["spec"]

    assert (spec["replicas"], spec["strategy"]) == (2, {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}})
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == spec["selector"]


def test_replicas_are_spread_where_there_is_somewhere_to_spread_to() -> None:
    """On a cluster of one node both run on it."""
    spec = only(render(), "Deployment")["spec"]
    constraints = spec["template"]["spec"]["topologySpreadConstraints"]

    assert {each["topologyKey"] for each in constraints} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert {each["whenUnsatisfiable"] for each in constraints} == {"ScheduleAnyway"}
    assert all(each["labelSelector"] == spec["selector"] for each in constraints)


def test_one_replica_has_no_budget_that_would_block_a_drain() -> None:
    manifests = render("--set=replicas=1")

    assert only(manifests, "Deployment")["spec"]["replicas"] == 1
    assert of_kind(manifests, "PodDisruptionBudget") == []


def test_the_lease_is_the_installations_and_held_under_the_pods_name() -> None:
    """Two installations in one namespace do not take turns."""
    answer = helm("template", "second", str(CHART), "--namespace", "delivery-system")
    manifests = [each for each in yaml.safe_load_all(answer.stdout) if each]
    env = container(manifests)["env"]

    assert {"name": "DELIVERY_OPERATOR_LEASE_NAME", "value": "second-delivery-operator"} in env
    assert {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}} in env


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ([], f"registry.example.com/delivery/delivery-operator:{__version__}"),
        (["image.tag=v2"], "registry.example.com/delivery/delivery-operator:v2"),
        (
            ["image.repository=r.example.com/op", "image.tag=v2", f"image.digest=sha256:{'a' * 64}"],
            f"r.example.com/op@sha256:{'a' * 64}",
        ),
    ],
    ids=["appVersion", "tag", "digest wins over tag"],
)
def test_image(values: list[str], image: str) -> None:
    assert container(render(*(f"--set={value}" for value in values)))["image"] == image


def test_settings_become_environment() -> None:
    manifests = render(
        "--set=namespaces={shop,billing}", "--set=logLevel=debug", "--set=workers=3", "--set=resyncSeconds=60"
    )
    env = container(manifests)["env"]

    assert {each["name"]: each["value"] for each in env if "value" in each} == {
        "DELIVERY_OPERATOR_NAMESPACES": "shop,billing",
        "DELIVERY_OPERATOR_LOG_LEVEL": "debug",
        "DELIVERY_OPERATOR_WORKERS": "3",
        "DELIVERY_OPERATOR_RESYNC_SECONDS": "60",
        "DELIVERY_OPERATOR_HTTP_PORT": "8080",
        "DELIVERY_OPERATOR_LEASE_NAME": "delivery-operator",
    }
    assert [each["name"] for each in env if "valueFrom" in each] == ["POD_NAMESPACE", "POD_NAME"]


def test_port_is_the_same_everywhere() -> None:
    manifests = render("--set=httpPort=9090")
    operator = container(manifests)
    annotations = only(manifests, "Deployment")["spec"]["template"]["metadata"]["annotations"]

    assert operator["ports"] == [{"name": "http", "containerPort": 9090}]
    assert {"name": "DELIVERY_OPERATOR_HTTP_PORT", "value": "9090"} in operator["env"]
    assert annotations["prometheus.io/port"] == "9090"
    assert operator["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert operator["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}


def test_crds_are_the_generated_ones_and_are_kept() -> None:
    generated = [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml"))]
    for each in generated:
        each["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}

    assert of_kind(render(), "CustomResourceDefinition") == generated


def test_crds_can_be_left_to_go_or_out() -> None:
    removed_with_the_release = of_kind(render("--set=crds.keep=false"), "CustomResourceDefinition")

    assert len(removed_with_the_release) == len(list(CRDS.glob("*.yaml")))
    assert all("annotations" not in each["metadata"] for each in removed_with_the_release)
    assert of_kind(render("--set=crds.enabled=false"), "CustomResourceDefinition") == []


def test_the_policy_is_the_generated_one_and_can_be_left_out() -> None:
    (path,) = (CRDS / "policy").glob("*.yaml")
    generated = list(yaml.safe_load_all(path.read_text()))
    kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")

    assert [each for kind in kinds for each in of_kind(render(), kind)] == generated
    assert not {each["kind"] for each in render("--set=policy.enabled=false")} & set(kinds)


def test_templates_are_mounted_and_named_to_the_operator() -> None:
    assert "volumes" not in only(render(), "Deployment")["spec"]["template"]["spec"]

    manifests = render("--set=templates.volume.configMap.name=platform-templates")
    (volume,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["volumes"]

    assert volume == {"name": "templates", "configMap": {"name": "platform-templates"}}
    assert container(manifests)["volumeMounts"] == [{"name": "templates", "mountPath": "/templates", "readOnly": True}]
    assert {"name": "DELIVERY_OPERATOR_TEMPLATES_DIR", "value": "/templates"} in container(manifests)["env"]


def test_account_of_ones_own() -> None:
    manifests = render("--set=serviceAccount.create=false", "--set=serviceAccount.name=mine")

    assert of_kind(manifests, "ServiceAccount") == []
    assert only(manifests, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "mine"
    subjects = [subject for each in of_kind(manifests, "ClusterRoleBinding") for subject in each["subjects"]]
    assert subjects == [{"kind": "ServiceAccount", "name": "mine", "namespace": "delivery-system"}] * 3


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["--set=namespaces={default}"],
        [
            "--set=priorityClassName=system-cluster-critical",
            "--set=imagePullSecrets[0].name=registry",
            "--set=tolerations[0].operator=Exists",
            "--set=nodeSelector.kubernetes\\.io/os=linux",
            "--set=podLabels.team=platform",
            "--set=podAnnotations.note=hello",
            "--set=serviceAccount.annotations.note=hello",
            "--set=templates.volume.configMap.name=platform-templates",
        ],
    ],
    ids=["defaults", "namespaces", "everything else"],
)
def test_api_server_takes_all_of_it(control_plane: Cluster, values: list[str]) -> None:
    answer = helm("template", "delivery-operator", str(CHART), "--namespace=default", *values)

    strict = ("--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts")
    taken = control_plane.kubectl("apply", *strict, "-f", "-", input=answer.stdout)

    assert "deployment.apps/delivery-operator serverside-applied (server dry run)" in taken


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("replicas=0", "/replicas"),
        ("replicaCount=2", "replicaCount"),
        ("workers=many", "/workers"),
        ("workers=0", "/workers"),
        ("resyncSeconds=1", "/resyncSeconds"),
        ("logLevel=loud", "/logLevel"),
        ("namespaces=shop", "/namespaces"),
        ("namespaces={Shop}", "/namespaces/0"),
        ("image.digest=abc", "/image/digest"),
        ("httpPort=80", "/httpPort"),
        ("policy.enabled=maybe", "/policy/enabled"),
        ("templates.volume=none", "/templates/volume"),
    ],
)
def test_wrong_value_is_refused_with_its_place(value: str, place: str) -> None:
    answer = helm("template", "delivery-operator", str(CHART), f"--set={value}")

    assert answer.returncode != 0
    assert "don't meet the specifications of the schema" in answer.stderr
    assert place in answer.stderr

"""A platform team's own templates are checked when they are given, and what is wrong is named."""

import pytest

from delivery_operator.render.bundle import NAMES
from delivery_operator.render.check import check
from delivery_operator.render.errors import TemplateError
from delivery_operator.render.manifests import render
from tests.unit.support import builders


def own(name: str, old: str, new: str) -> dict[str, str]:
    """One template of the platform's with a change in it."""
    source = builders.BUNDLE.sources[name]
    assert old in source
    return {name: source.replace(old, new)}


def refused(overrides: dict[str, str]) -> str:
    with pytest.raises(TemplateError) as caught:
        check(builders.BUNDLE.with_overrides(overrides))
    return str(caught.value)


def test_the_platforms_own_bundle_is_whole() -> None:
    check(builders.BUNDLE)


def test_a_harmless_change_is_taken() -> None:
    check(
        builders.BUNDLE.with_overrides(
            own("deployment", "revisionHistoryLimit: 2", "revisionHistoryLimit: 5\n  minReadySeconds: 10")
            | own("_pod", "enableServiceLinks: false", "enableServiceLinks: false\n  dnsPolicy: ClusterFirst")
        )
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_template_is_rendered(name: str) -> None:
    message = refused({name: f"{builders.BUNDLE.sources[name]}\nx: {{{{ nobody }}}}\n"})
    line = len(builders.BUNDLE.sources[name].splitlines()) + 2
    assert message == f"template {name}.yaml.j2, line {line}: 'nobody' is undefined"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        pytest.param(
            own("service", "kind: Service", "kind: Secret"),
            "template service.yaml.j2: makes a Secret of v1; write apiVersion: v1 and kind: Service",
            id="another kind",
        ),
        pytest.param(
            own("deployment", "apps/v1", "apps/v1beta1"),
            "template deployment.yaml.j2: makes a Deployment of apps/v1beta1; write apiVersion: apps/v1 and kind: "
            "Deployment",
            id="another version",
        ),
        pytest.param(
            {"ingress": "a: 1\n"},
            "template ingress.yaml.j2: makes a None of None; write apiVersion: networking.k8s.io/v1 and kind: Ingress",
            id="no kind",
        ),
        pytest.param(
            own("cronjob", "  name: {{ name }}", "  name: nightly"),
            "template cronjob.yaml.j2: metadata.name is nightly; write {{ name }}, by which the operator finds it",
            id="another name",
        ),
        pytest.param(
            own("service", "  namespace: {{ service.namespace }}", "  namespace: kube-system"),
            "template service.yaml.j2: metadata.namespace is kube-system; write {{ service.namespace }}: a service has "
            "nothing elsewhere",
            id="another namespace",
        ),
        pytest.param(
            own("service", "  namespace: {{ service.namespace }}\n", ""),
            "template service.yaml.j2: metadata.namespace is None; write {{ service.namespace }}: a service has "
            "nothing elsewhere",
            id="no namespace",
        ),
        pytest.param(
            own("serviceaccount", "labels: {{ labels }}", "labels: {team: ours}"),
            "template serviceaccount.yaml.j2: metadata.labels lacks app, app.kubernetes.io/managed-by, "
            "app.kubernetes.io/name, app.kubernetes.io/version, delivery.dev/environment, delivery.dev/service; write "
            "{{ labels }}, by which the operator finds it",
            id="lost labels",
        ),
        pytest.param(
            own("serviceaccount", "labels: {{ labels }}", "labels: ours"),
            "template serviceaccount.yaml.j2: metadata.labels lacks app, app.kubernetes.io/managed-by, "
            "app.kubernetes.io/name, app.kubernetes.io/version, delivery.dev/environment, delivery.dev/service; write "
            "{{ labels }}, by which the operator finds it",
            id="labels that are none",
        ),
        pytest.param(
            own("service", "selector: {{ selector }}", "selector: {app: {{ service.name }}}"),
            "template service.yaml.j2: spec.selector is {'app': 'sample'}, not {'app': 'sample', 'tier': 'grpc'}: it "
            "would be about other pods",
            id="a Service's selector without its tier",
        ),
        pytest.param(
            own("deployment", "matchLabels: {{ selector }}", "matchLabels: {{ labels }}"),
            "template deployment.yaml.j2: spec.selector.matchLabels is ",
            id="a Deployment's selector",
        ),
        pytest.param(
            own("networkpolicy", "matchLabels: {{ policy.selector }}", "matchLabels: {}"),
            "template networkpolicy.yaml.j2: spec.podSelector.matchLabels is {}, not {'app': 'sample'}: it would be "
            "about other pods",
            id="a NetworkPolicy's selector",
        ),
        pytest.param(
            own("_pod", "labels: {{ pod.labels }}", "labels: {app: {{ service.name }}}"),
            "template job.yaml.j2: the pod's labels lack app.kubernetes.io/component, ",
            id="a pod's labels",
        ),
        pytest.param(
            own("_pod", "allowPrivilegeEscalation: false", "privileged: true"),
            "template job.yaml.j2: the restricted pod security standard refuses its pods: container migrator: "
            "privileged, container migrator: allowPrivilegeEscalation",
            id="a privileged container",
        ),
        pytest.param(
            own("_pod", "enableServiceLinks: false", "hostNetwork: true"),
            "template job.yaml.j2: the restricted pod security standard refuses its pods: hostNetwork",
            id="the node's network",
        ),
        pytest.param(
            {"job": builders.BUNDLE.sources["job"].split("  template:")[0]},
            "template job.yaml.j2: makes no pod with a container",
            id="no pod",
        ),
        pytest.param(
            {"cronjob": builders.BUNDLE.sources["cronjob"].split("  jobTemplate:")[0]},
            "template cronjob.yaml.j2: makes no pod with a container",
            id="no Job",
        ),
        pytest.param(
            {"_pod": "spec: {containers: []}\n"},
            "template job.yaml.j2: makes no pod with a container",
            id="a pod without a container",
        ),
        pytest.param(
            own("_pod", "      volumeMounts: {{ pod.volumeMounts }}", "      ports: [8080]"),
            "template job.yaml.j2: its pod has not the form of one: ",
            id="a port that is no mapping",
        ),
        pytest.param(
            own("deployment", "spec:", "spec: {{ 3 / 2 }}"),
            "template deployment.yaml.j2, line 10: a value reads as float 1.5",
            id="a fraction",
        ),
        pytest.param(
            own("_pod", "{{ pod.image }}", "{{ pod.imaeg }}"),
            "template _pod.yaml.j2, line 30: 'dict object' has no attribute 'imaeg'",
            id="a misspelt variable",
        ),
        pytest.param(
            own("service", "{{ process.port.number }}", "{{ process.port.number"),
            "template service.yaml.j2, line ",
            id="a template that does not compile",
        ),
        pytest.param(
            own("service", "spec:", "spec: ["), "template service.yaml.j2: the output is not YAML: ", id="no YAML"
        ),
    ],
)
def test_what_is_wrong_is_named_with_template_and_remedy(overrides: dict[str, str], expected: str) -> None:
    message = refused(overrides)
    assert message.startswith(expected), message


def test_a_template_that_treats_one_service_otherwise_is_found_when_that_one_is_rendered() -> None:
    """What the check's sample does not show, every rendering does."""
    overrides = own("_pod", "enableServiceLinks: false", "hostPID: {{ service.name == 'order' }}")
    bundle = builders.BUNDLE.with_overrides(overrides)
    check(bundle)
    with pytest.raises(TemplateError, match="hostPID"):
        render("order", "shop", builders.parsed(builders.spec()), bundle)

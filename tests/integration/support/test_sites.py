"""What a site leaves behind on the control plane that all tests share: nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.support.kube import Kube, Object, wait_for
from tests.support.kubelet import Hangs
from tests.support.site import Site


def test_a_namespace_goes_away_with_the_pods_that_run_in_it(
    kube: Kube, open_site: Callable[[], AbstractContextManager[Site]]
) -> None:
    """Nobody plays its pods any more by then, a Deployment's and a Job's, which the Job's controller holds on to."""
    with open_site() as site:
        site.kubelet.fate = lambda _: Hangs()
        for body in of_pods(site.namespace):
            kube.create(body)
        wait_for(lambda: len(site.kubelet.started) == 2, "both pods to run")
    wait_for(lambda: kube.find("Namespace", None, site.namespace) is None, "the end of the namespace", 60)


def of_pods(namespace: str) -> list[Object]:
    labels = {"app": "any"}
    pod = {"containers": [{"name": "any", "image": "any:v1"}]}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "any", "namespace": namespace},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
        },
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "any", "namespace": namespace},
            "spec": {"template": {"spec": {**pod, "restartPolicy": "Never"}}},
        },
    ]

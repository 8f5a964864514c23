"""What an API server says about manifests, without keeping any: its own schemas, validation and admission."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from devcluster.cluster import Cluster
from devcluster.errors import ToolError

Manifest = Mapping[str, Any]
RESTRICTED: Final = {"pod-security.kubernetes.io/enforce": "restricted"}


def refusals(cluster: Cluster, namespace: str, manifests: Iterable[Manifest]) -> list[str]:
    """What the API server refuses or warns about when these manifests are created; unknown fields are refused too.

    Pods of workloads are created by themselves too: the pod security standard is enforced on pods alone. They run as
    the namespace's default service account: nothing is kept, so their own never comes to be.
    """
    bodies = [{**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in manifests]
    bodies += [pod for each in bodies if (pod := _pod(each))]
    try:
        cluster.kubectl(
            *("create", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"),
            input=yaml.safe_dump_all(bodies),
        )
    except ToolError as error:
        return str(error.stderr).splitlines()
    return []


def pod_template(manifest: Manifest) -> Mapping[str, Any] | None:
    """The template of a Deployment's, a Job's or a CronJob's pods; None for what makes no pods."""
    spec = manifest.get("spec", {})
    template: Mapping[str, Any] | None = spec.get("jobTemplate", {}).get("spec", spec).get("template")
    return template


def _pod(manifest: Manifest) -> dict[str, Any] | None:
    template = pod_template(manifest)
    if template is None:
        return None
    own = manifest["metadata"]
    metadata = {**template["metadata"], "name": own["name"], "namespace": own["namespace"]}
    spec = {**template["spec"], "serviceAccountName": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

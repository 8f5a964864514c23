"""What pods can rely on, on whichever cluster the fixture gives."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.cluster import Cluster
from devcluster.errors import ToolError
from tests.support.kube import wait_for

NAMESPACE = "devcluster-pods"
# As restricted as pods get: a cluster that cannot run this cannot run ours.
POD = """
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: peer
          image: devcluster-peer:1
          args: [serve]
          readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
          lifecycle: {preStop: {sleep: {seconds: 1}}}
          resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: "1", memory: 64Mi}}
          securityContext:
            {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
"""
MANIFESTS = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: devcluster-pods, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: server, namespace: devcluster-pods}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: server}}}}
  template:
    metadata: {{labels: {{app: server}}}}
    spec:{POD}
---
apiVersion: v1
kind: Service
metadata: {{name: server, namespace: devcluster-pods}}
spec: {{selector: {{app: server}}, ports: [{{port: 80, targetPort: 8080}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: client, namespace: devcluster-pods}}
spec:{POD}
"""


@pytest.fixture(scope="module")
def pods(cluster: Cluster, peer_image: Path) -> Iterator[Cluster]:
    """Two servers behind a Service, and a client."""
    cluster.load_docker_image(str(peer_image))
    cluster.kubectl("apply", "-f", "-", input=MANIFESTS)
    cluster.kubectl("rollout", "status", "deployment/server", "-n", NAMESPACE, "--timeout=60s")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/client", "-n", NAMESPACE, "--timeout=60s")
    # A pod is Ready before kube-proxy has heard of it, and until then the Service refuses connections.
    wait_for(lambda: _answers(cluster), "the Service to answer")
    yield cluster
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def in_client(cluster: Cluster, *command: str) -> str:
    return cluster.kubectl("exec", "client", "-n", NAMESPACE, "--", "/peer", *command)


def _answers(cluster: Cluster) -> bool:
    try:
        return bool(in_client(cluster, "get", "http://server/"))
    except ToolError:
        return False


def servers(cluster: Cluster) -> set[str]:
    names = cluster.kubectl(
        "get", "pods", "-n", NAMESPACE, "-l", "app=server", "-o", "jsonpath={.items[*].metadata.name}"
    )
    return set(names.split())


def test_a_service_is_reached_by_name_from_another_pod(pods: Cluster) -> None:
    assert in_client(pods, "get", "http://server/").strip() in servers(pods)
    assert in_client(pods, "get", f"http://server.{NAMESPACE}.svc.cluster.local/").strip() in servers(pods)
    address = pods.kubectl("get", "service", "server", "-n", NAMESPACE, "-o", "jsonpath={.spec.clusterIP}")
    assert in_client(pods, "resolve", "server").strip() == address


def test_a_pod_reaches_the_api_as_its_service_account(pods: Cluster) -> None:
    review = json.loads(in_client(pods, "whoami"))
    assert review["status"]["userInfo"]["username"] == f"system:serviceaccount:{NAMESPACE}:default"


def test_logs_and_exit_codes_come_through(pods: Cluster) -> None:
    in_client(pods, "get", "http://server/in-the-log")

    def logs() -> str:
        return pods.kubectl("logs", "-n", NAMESPACE, "-l", "app=server", "--tail=-1")

    # They come by way of the container runtime.
    for line in ("asked for /ready", "asked for /in-the-log"):
        wait_for(lambda: line in logs(), line, 30, logs)  # noqa: B023 it is called at once
    for nowhere in ("nowhere", "nowhere.devcluster-pods.svc.cluster.local", "nowhere.invalid"):
        with pytest.raises(ToolError, match="no such host"):
            in_client(pods, "resolve", nowhere)


def test_a_port_is_forwarded_to_a_service_and_to_a_pod(pods: Cluster) -> None:
    for target, remote_port in (("service/server", 80), ("pod/client", 8080)):
        with (
            pods.port_forward(target, remote_port, "-n", NAMESPACE) as port,
            urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer,
        ):
            assert answer.read().decode().strip() in {*servers(pods), "client"}


def test_a_rolling_update_ends(pods: Cluster) -> None:
    before = servers(pods)
    pods.kubectl("rollout", "restart", "deployment/server", "-n", NAMESPACE)
    pods.kubectl("rollout", "status", "deployment/server", "-n", NAMESPACE, "--timeout=60s")
    pods.kubectl("wait", "--for=delete", "-n", NAMESPACE, "--timeout=60s", *(f"pod/{name}" for name in before))
    assert in_client(pods, "get", "http://server/").strip() not in before

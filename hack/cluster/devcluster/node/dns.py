"""Configuration of a node's CoreDNS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from devcluster.components import CLUSTER_DOMAIN


def corefile(kubeconfig: Path) -> str:
    """Names of the cluster only.

    There is no way out of the node, so nothing is forwarded; the last zone makes every other name one that does not
    exist, at once, where an unanswered one would be asked for again and again.
    """
    return f"""\
.:53 {{
    errors
    health :8081
    ready :8181
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa ip6.arpa . {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 5
    }}
    cache 5
    loadbalance
}}
"""


def objects(service_ip: str, node_ip: str) -> list[dict[str, Any]]:
    """CoreDNS runs beside the kubelet, not in a pod: a Service without a selector leads to it, and it may read."""
    labels = {"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"}
    namespace = "kube-system"
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    readable = [
        {"apiGroups": [""], "resources": ["services", "namespaces", "pods", "endpoints"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    rbac = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "system:coredns"},
            "rules": readable,
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "system:coredns"},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "system:coredns"},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": "system:coredns"}],
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": namespace, "labels": labels},
            "spec": {"clusterIP": service_ip, "ports": ports},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kube-dns-node",
                "namespace": namespace,
                "labels": {"kubernetes.io/service-name": "kube-dns"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [node_ip], "conditions": {"ready": True}}],
            "ports": ports,
        },
    ]

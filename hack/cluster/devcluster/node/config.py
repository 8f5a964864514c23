"""Configuration of a node's components: pure functions of where things are.

Everything listens inside the node's network namespace, where all addresses are ours.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devcluster.binaries import Binaries
from devcluster.components import CLUSTER_DOMAIN
from devcluster.layout import Layout
from devcluster.node import cgroups, dns
from devcluster.node.packages import SEARCH_PATH
from devcluster.pki import Subject

NODE_IP, GATEWAY_IP, API_PORT = "10.0.0.1", "10.0.0.2", 6443
POD_RANGE = "10.244.0.0/24"
DNS_SERVICE_IP = "10.96.0.10"
PAUSE_IMAGE = "devcluster.local/pause:1"
MAX_PODS = 110

CONTAINERD, KUBELET, KUBE_PROXY, COREDNS, API_FORWARD = "containerd", "kubelet", "kube-proxy", "coredns", "api-forward"
LISTENER = 3  # descriptor of the API's listening socket on the host

# Paths inside the private mounts: short, and not the host's.
RUN = Path("/run")
CONTAINERD_STATE, KUBELET_ROOT = RUN / "containerd", RUN / "kubelet"
CNI_RESULTS = Path("/var/lib/cni")  # built into containerd


@dataclass(frozen=True)
class Host:
    """What a node takes from the machine."""

    cni: Path
    containerd: str
    python: str
    snapshotter: str = "overlayfs"
    image_store: str = ""
    """Size of a file system of its own for what containerd keeps, as mount says it; empty: it is on the machine's."""


def node_name(cluster: str) -> str:
    """The name of a cluster's node."""
    return f"{cluster}-node"


def subjects(cluster: str) -> tuple[Subject, ...]:
    """Who needs a certificate besides the control plane."""
    name = node_name(cluster)
    return (
        Subject(KUBELET, f"system:node:{name}", ("system:nodes",), hosts=(name, NODE_IP)),
        Subject(KUBE_PROXY, "system:kube-proxy"),
        Subject(COREDNS, "system:coredns"),
    )


def commands(cluster: str, layout: Layout, binaries: Binaries, host: Host) -> dict[str, list[str]]:
    """Command lines besides the control plane's, in start order."""
    config = layout.config
    forward = [host.python, "-P", "-m", "devcluster.node.forward", str(LISTENER), "127.0.0.1", str(API_PORT)]
    return {
        API_FORWARD: forward,
        CONTAINERD: [host.containerd, "--config", f"{config}/containerd.toml"],
        KUBELET: [
            binaries[KUBELET],
            f"--config={config}/kubelet.yaml",
            f"--kubeconfig={layout.kubeconfig(KUBELET)}",
            f"--hostname-override={node_name(cluster)}",
            f"--node-ip={NODE_IP}",
            f"--root-dir={KUBELET_ROOT}",
            f"--cert-dir={KUBELET_ROOT}/pki",
        ],
        KUBE_PROXY: [binaries[KUBE_PROXY], f"--config={config}/kube-proxy.yaml"],
        COREDNS: [binaries[COREDNS], "-conf", f"{config}/Corefile"],
    }


def files(cluster: str, layout: Layout, host: Host) -> dict[str, str]:
    """Configuration files by name."""
    return {
        "containerd.toml": containerd(layout, host),
        "cni/10-pods.conflist": json.dumps(pod_network(), indent=1),
        "kubelet.yaml": yaml.safe_dump(kubelet(cluster, layout), sort_keys=False),
        "kube-proxy.yaml": yaml.safe_dump(kube_proxy(cluster, layout), sort_keys=False),
        "Corefile": dns.corefile(layout.kubeconfig(COREDNS)),
        "dns.yaml": yaml.safe_dump_all(dns.objects(DNS_SERVICE_IP, NODE_IP), sort_keys=False),
        "resolv.conf": f"nameserver {NODE_IP}\n",
        "setup.json": json.dumps(setup(layout, host), indent=1),
    }


def containerd_socket(layout: Layout) -> Path:
    """Where containerd listens: reachable from inside and outside the node."""
    return layout.run / "containerd.sock"


def control_socket(layout: Layout) -> Path:
    """Where the node's first process listens."""
    return layout.run / "control.sock"


def image_store(layout: Layout) -> Path:
    """Where containerd keeps images and what containers write."""
    return layout.directory / "containerd"


def registries(layout: Layout) -> Path:
    """Where containerd looks up how a registry is reached; it looks again at each pull."""
    return layout.config / "registries"


def mirror(url: str) -> str:
    """What containerd has to read to ask this address in place of a registry."""
    return f'server = "{url}"\n[host."{url}"]\n  capabilities = ["pull", "resolve"]\n'


def setup(layout: Layout, host: Host) -> dict[str, Any]:
    """What the node's first process does before anything else (see init)."""
    sizes = {str(image_store(layout)): host.image_store} if host.image_store else {}
    return {
        "control": str(control_socket(layout)),
        "cwd": str(layout.run),
        "fds": [LISTENER],
        "environment": {"PATH": SEARCH_PATH, "HOME": "/root"},
        "tmpfs": dict.fromkeys((str(RUN), "/var/log", str(CNI_RESULTS)), "") | sizes,
        "binds": [[f"{layout.directory}/kubelet", str(KUBELET_ROOT)]],
        "network": [
            ["ip", "link", "set", "lo", "up"],
            # A bridge nobody is attached to: an address that is not loopback, without needing a kernel module.
            ["ip", "link", "add", "node0", "type", "bridge"],
            ["ip", "address", "add", f"{NODE_IP}/24", "dev", "node0"],
            ["ip", "link", "set", "node0", "up"],
            # Leads nowhere; Kubernetes wants a default route to learn the node's address from.
            ["ip", "route", "add", "default", "via", GATEWAY_IP, "dev", "node0"],
        ],
        "sysctls": {"net/ipv4/ip_forward": "1"},
    }


def containerd(layout: Layout, host: Host) -> str:
    """No AppArmor, and no lower OOM scores: both need privileges that root in a container lacks."""
    return f"""\
version = 2
root = "{image_store(layout)}"
state = "{CONTAINERD_STATE}"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
  address = "{containerd_socket(layout)}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{host.snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{host.cni}"
    conf_dir = "{layout.config}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{registries(layout)}"
"""


def pod_network() -> dict[str, Any]:
    """A link per pod, routed by the node.

    On a bridge two pods would answer each other directly, so that a reply to a Service's address came from another one
    (unless the kernel has br_netfilter); routed, every packet passes the node's rules.
    """
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "dataDir": f"{RUN}/cni-addresses",
                    "ranges": [[{"subnet": POD_RANGE}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def kubelet(cluster: str, layout: Layout) -> dict[str, Any]:
    """A kubelet that evicts nothing, collects no images, and makes do with the privileges of a container."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{layout.pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{layout.pki}/{KUBELET}.crt",
        "tlsPrivateKeyFile": f"{layout.pki}/{KUBELET}.key",
        "containerRuntimeEndpoint": f"unix://{containerd_socket(layout)}",
        "featureGates": {"KubeletInUserNamespace": True},
        "failCgroupV1": False,
        "failSwapOn": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroups.parent(cluster),
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": [],
        "clusterDNS": [DNS_SERVICE_IP],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": f"{layout.config}/resolv.conf",
        "podLogsDir": f"{layout.directory}/pod-logs",
        "maxPods": MAX_PODS,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": dict.fromkeys(("memory.available", "nodefs.available", "nodefs.inodesFree"), "0%")
        | dict.fromkeys(("imagefs.available", "imagefs.inodesFree"), "0%"),
    }


def kube_proxy(cluster: str, layout: Layout) -> dict[str, Any]:
    """kube-proxy with nftables, leaving the machine's conntrack settings alone."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(layout.kubeconfig(KUBE_PROXY))},
        "hostnameOverride": node_name(cluster),
        "clusterCIDR": POD_RANGE,
        "conntrack": {"maxPerCore": 0},
    }

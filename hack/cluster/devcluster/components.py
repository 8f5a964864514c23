"""Command lines of the control plane: pure functions of where things are.

What differs from a production control plane, and why: etcd does not wait for the disk (nobody needs this cluster to
survive a power cut), there is one of each so nobody elects a leader, and only the API server opens a port.
"""

from __future__ import annotations

from dataclasses import dataclass

from devcluster import audit
from devcluster.binaries import Binaries
from devcluster.layout import Layout
from devcluster.pki import Subject

ETCD, API_SERVER = "etcd", "kube-apiserver"
CONTROLLER_MANAGER, SCHEDULER = "kube-controller-manager", "kube-scheduler"

SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"  # kubernetes.default
CLUSTER_DOMAIN = "cluster.local"
ISSUER = f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}"

# Unix sockets that etcd makes in its working directory, the run folder: only their owner can reach them, so etcd needs
# neither ports nor certificates. The port in the name is a formality of etcd's URLs.
ETCD_CLIENTS, ETCD_PEERS = "unix://etcd:1", "unix://etcd-peers:1"

ADMIN = Subject("admin", "kubernetes-admin", ("system:masters",))


@dataclass(frozen=True)
class Endpoint:
    """Where the API server listens, and the address it announces to the cluster."""

    bind: str
    port: int
    advertise: str


def subjects(endpoint: Endpoint) -> tuple[Subject, ...]:
    """Everybody who needs a certificate for the control plane."""
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", ISSUER.removeprefix("https://"))
    addresses = dict.fromkeys(("127.0.0.1", "localhost", API_SERVICE_IP, endpoint.advertise))
    return (
        ADMIN,
        Subject("apiserver", "kube-apiserver", hosts=(*service, *addresses)),
        Subject("apiserver-kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",)),
        Subject(CONTROLLER_MANAGER, "system:kube-controller-manager"),
        Subject(SCHEDULER, "system:kube-scheduler"),
    )


def etcd(layout: Layout, binaries: Binaries) -> list[str]:
    """A store of one member."""
    return [
        binaries[ETCD],
        f"--data-dir={layout.directory}/etcd",
        "--unsafe-no-fsync",
        f"--listen-client-urls={ETCD_CLIENTS}",
        f"--advertise-client-urls={ETCD_CLIENTS}",
        f"--listen-peer-urls={ETCD_PEERS}",
        f"--initial-advertise-peer-urls={ETCD_PEERS}",
        f"--initial-cluster=default={ETCD_PEERS}",
        "--log-level=warn",
    ]


def api_server(layout: Layout, binaries: Binaries, endpoint: Endpoint) -> list[str]:
    """The API server: client certificates and service account tokens, RBAC, an audit log of everything."""
    pki = layout.pki
    return [
        binaries[API_SERVER],
        f"--etcd-servers={ETCD_CLIENTS}",
        f"--bind-address={endpoint.bind}",
        f"--secure-port={endpoint.port}",
        f"--advertise-address={endpoint.advertise}",
        # Endpoints with a loopback address are invalid; without pods nobody needs them.
        *(["--endpoint-reconciler-type=none"] if endpoint.advertise.startswith("127.") else []),
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={pki}/service-account.pub",
        f"--service-account-signing-key-file={pki}/service-account.key",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--audit-policy-file={layout.config}/audit-policy.yaml",
        f"--audit-log-path={layout.audit_log}",
        f"--audit-log-maxsize={audit.MAX_MEGABYTES}",
        f"--audit-log-maxbackup={audit.MAX_FILES}",
    ]


def controller_manager(layout: Layout, binaries: Binaries) -> list[str]:
    """Every controller that is on by default, each with its own service account as in a real cluster."""
    return [
        binaries[CONTROLLER_MANAGER],
        f"--kubeconfig={layout.kubeconfig(CONTROLLER_MANAGER)}",
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials=true",
        # At the default of 20 a second it spends four seconds of its start on its own service accounts' tokens.
        "--kube-api-qps=100",
        "--kube-api-burst=200",
        f"--root-ca-file={layout.pki}/ca.crt",
        f"--service-account-private-key-file={layout.pki}/service-account.key",
        f"--cluster-signing-cert-file={layout.pki}/ca.crt",
        f"--cluster-signing-key-file={layout.pki}/ca.key",
    ]


def scheduler(layout: Layout, binaries: Binaries) -> list[str]:
    """The default scheduler."""
    return [
        binaries[SCHEDULER],
        f"--kubeconfig={layout.kubeconfig(SCHEDULER)}",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def control_plane(layout: Layout, binaries: Binaries, endpoint: Endpoint) -> dict[str, list[str]]:
    """All four, in the order they start."""
    return {
        ETCD: etcd(layout, binaries),
        API_SERVER: api_server(layout, binaries, endpoint),
        CONTROLLER_MANAGER: controller_manager(layout, binaries),
        SCHEDULER: scheduler(layout, binaries),
    }

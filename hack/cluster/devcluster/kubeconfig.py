"""Kubeconfig files with their certificates inside, so that a copy works anywhere on this machine."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from devcluster.home import write_atomically


def write_kubeconfig(path: Path, *, cluster: str, server: str, pki: Path, user: str) -> None:
    """Write a kubeconfig for the client certificate pki/USER.crt."""

    def data(file: str) -> str:
        return base64.b64encode((pki / file).read_bytes()).decode()

    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [
            {"name": cluster, "cluster": {"server": server, "certificate-authority-data": data("ca.crt")}},
        ],
        "users": [
            {
                "name": f"{cluster}-{user}",
                "user": {"client-certificate-data": data(f"{user}.crt"), "client-key-data": data(f"{user}.key")},
            },
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": f"{cluster}-{user}"}}],
    }
    write_atomically(path, yaml.safe_dump(config, sort_keys=False))

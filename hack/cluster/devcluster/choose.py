"""Which provider serves here: the one that is named, else what this machine can run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from devcluster.cluster import Cluster
from devcluster.console import Reporter
from devcluster.control_plane import ControlPlaneCluster
from devcluster.errors import UsageError
from devcluster.existing import ExistingCluster
from devcluster.home import Home
from devcluster.kind import KindProvider
from devcluster.node.cluster import NodeCluster
from devcluster.state import State


class Provider(StrEnum):
    """Where a cluster comes from."""

    AUTO = "auto"
    NODE = "node"
    CONTROL_PLANE = "control-plane"
    KIND = "kind"
    EXISTING = "existing"


@dataclass(frozen=True)
class Machine:
    """What matters of this machine for the choice."""

    linux: bool
    root: bool
    docker: Callable[[], bool]  # asking a Docker engine takes a moment: only done if it matters

    @classmethod
    def this(cls) -> Machine:
        """The machine we run on."""
        return cls(sys.platform == "linux", os.geteuid() == 0, docker_answers)


@dataclass(frozen=True)
class Request:
    """What a caller asks for."""

    name: str
    provider: Provider = Provider.AUTO
    kubeconfig: Path | None = None
    kind_image: str | None = None
    session: str | None = None


def choose(request: Request, machine: Machine, existing: str | None = None) -> Provider:
    """The provider for a request. `existing` is the provider of a cluster that has this name already.

    Raises:
        UsageError: nothing on this machine can run pods.
    """
    if request.provider is not Provider.AUTO:
        return request.provider
    if request.kubeconfig:
        return Provider.EXISTING
    if existing:
        return Provider(existing)
    if machine.linux and machine.root:
        return Provider.NODE
    if machine.docker():
        return Provider.KIND
    needed = "root on Linux (sudo)" if machine.linux else "Linux"
    message = (
        f"This machine cannot run pods: the provider node needs {needed}, kind needs a Docker engine that answers. "
        "Use --kubeconfig FILE for a cluster you have, or --provider control-plane for one without pods."
    )
    raise UsageError(message)


def open_cluster(request: Request, reporter: Reporter | None = None, home: Home | None = None) -> Cluster:
    """A cluster for a request; nothing is started.

    Raises:
        UsageError: no provider can serve it here, or the name belongs to a cluster of another provider.
    """
    home = home or Home.default()
    state = State.load(home.cluster(request.name))
    known = state.provider if state else None
    provider = choose(request, Machine.this(), known)
    if known and known != provider:
        message = (
            f"{request.name} is a cluster of the provider {known}: choose another name for one of {provider}, or end "
            f"it first (devcluster down --name {request.name})."
        )
        raise UsageError(message)
    remembered = Path(state.kubeconfig) if state and state.kubeconfig else None
    match provider:
        case Provider.CONTROL_PLANE:
            return ControlPlaneCluster(request.name, home, reporter, request.session)
        case Provider.KIND:
            return KindProvider(request.name, home, reporter, request.kind_image, request.session)
        case Provider.EXISTING:
            return ExistingCluster(request.name, request.kubeconfig or remembered, home, reporter, request.session)
        case _:
            return NodeCluster(request.name, home, reporter, request.session)


def docker_answers() -> bool:
    """Whether there is a Docker engine this user can talk to."""
    docker = shutil.which("docker")
    if not docker:
        return False
    try:
        return subprocess.run([docker, "info"], capture_output=True, check=False, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False

"""The command line as a person runs it: a process of its own, with a kubeconfig, against the control plane."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from devcluster.cluster import Cluster
from tests.support.site import Site


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Delivery = Callable[..., Ended]


@pytest.fixture
def delivery(site: Site, control_plane: Cluster) -> Delivery:
    """Run `kubectl delivery` as the administrator, in the namespace of the site."""

    def run(*words: str, stdin: str | None = None) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "delivery_operator.cli", *words, f"--namespace={site.namespace}"],
            env={**os.environ, "KUBECONFIG": str(control_plane.kubeconfig_path)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return run

"""The command line, as a person calls it, against the control plane."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import pytest

from delivery_operator.cli.__main__ import main
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
def delivery(site: Site, control_plane: Cluster, monkeypatch: pytest.MonkeyPatch) -> Delivery:
    """Run `kubectl delivery` as the administrator, in the namespace of the site."""
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig_path))

    def run(*words: str, stdin: str = "") -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        command, *rest = words
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            code = main([command, f"--namespace={site.namespace}", *rest])
        return Ended(code, out.getvalue(), err.getvalue())

    return run

"""The operator's Helm chart, rendered by a real helm (no cluster is asked)."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from devcluster.binaries import built_binaries
from devcluster.console import Silent
from devcluster.home import Home

CHART = Path(__file__).parents[2] / "charts" / "delivery-operator"

Manifest = dict[str, Any]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run helm and return its exit code and output."""
    program = built_binaries(Home.default(), Silent())["helm"]
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def render(*arguments: str) -> list[Manifest]:
    """Render the chart as release `delivery-operator` in the namespace `delivery-system`."""
    answer = helm("template", "delivery-operator", str(CHART), "--namespace", "delivery-system", *arguments)
    assert answer.returncode == 0, answer.stderr
    return [manifest for manifest in yaml.safe_load_all(answer.stdout) if manifest]


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """Those of one kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def only(manifests: list[Manifest], kind: str) -> Manifest:
    """The one of a kind."""
    found = of_kind(manifests, kind)
    assert len(found) == 1, [each["metadata"]["name"] for each in found]
    return found[0]

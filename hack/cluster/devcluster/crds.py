"""CRDs of other projects that our manifests can use, from the files in their Go modules."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from devcluster.builds import Build, Go, source_key
from devcluster.cluster import Cluster
from devcluster.console import Reporter
from devcluster.home import Home

SOURCE = Path(__file__).resolve().parent.parent / "crds"
FILES: Final = {
    "sigs.k8s.io/gateway-api": (
        "config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
        "config/crd/standard/gateway.networking.k8s.io_grpcroutes.yaml",
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
    "github.com/kedacore/keda/v2": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
    "github.com/prometheus-operator/prometheus-operator": (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
}
ESTABLISHED_TIMEOUT = "60s"


def crd_files(home: Home, reporter: Reporter) -> list[Path]:
    """The files, each one CRD, in the versions that go.mod pins: from the cache, else fetched now.

    Raises:
        BuildError: they could not be fetched.
    """
    directory = home.crds / source_key(SOURCE, FILES)
    names = sorted(Path(file).name for files in FILES.values() for file in files)
    Build("the CRDs of other projects", SOURCE, directory, names[-1], _make).ensure(home, reporter)
    return [directory / name for name in names]


def install_crds(cluster: Cluster, files: list[Path]) -> None:
    """Apply CRDs and wait until the API server serves them. Doing it again, or twice at once, changes nothing.

    Raises:
        ToolError: the API server refused one, or did not establish it within a minute.
    """
    arguments = [argument for file in files for argument in ("-f", str(file))]
    # Server-side: some are too large for the annotation that a client-side apply writes. With force: a cluster that was
    # kept may have them from somebody else.
    cluster.kubectl("apply", "--server-side", "--force-conflicts", *arguments)
    cluster.kubectl("wait", "--for=condition=Established", f"--timeout={ESTABLISHED_TIMEOUT}", *arguments)


def _make(go: Go, folder: Path) -> None:
    # Named one by one: without names go would fetch what the packages of this module import, and it has none.
    go.run("Fetching the CRDs of Gateway API, KEDA and the Prometheus operator", "mod", "download", *FILES)
    folders = go.answer("list", "-m", "-f", "{{.Path}} {{.Dir}}", *FILES)
    for line in folders.splitlines():
        module, _, root = line.partition(" ")
        for file in FILES[module]:
            shutil.copyfile(Path(root) / file, folder / Path(file).name)

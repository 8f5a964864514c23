"""Measures the operator against a raw floor on a control plane of its own (`make bench`).

What each figure is and how it is taken: docs/explanation/performance.md.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import profile, table
from bench.budgets import judge
from bench.phases import Bench, Watched
from devcluster.choose import Provider, Request, open_cluster
from devcluster.cluster import Cluster
from devcluster.components import CONTROLLER_MANAGER, SCHEDULER
from devcluster.console import ConsoleReporter
from devcluster.crds import install_crds
from tests.support.kube import Kube

ROOT = Path(__file__).resolve().parents[2]
CRDS = sorted((ROOT / "crds").glob("*.yaml"))


def main() -> None:
    """Run every phase, print the table, write the figures."""
    arguments = _arguments()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with _cluster(arguments.cluster) as cluster, tempfile.TemporaryDirectory() as folder:
        kube = Kube(cluster.kubeconfig_path)
        bench = Bench(cluster, kube, arguments.services, _resync_seconds(arguments), Path(folder))
        figures = measure(bench, profile.of(arguments.out.parent) if arguments.profile else None)
        version = json.loads(cluster.kubectl("get", "--raw", "/version"))["gitVersion"]
    figures["machine"] = f"{os.cpu_count()} processors, Python {platform.python_version()}, Kubernetes {version}"
    budgets = list(judge(figures))
    figures["budgets"] = [vars(budget) for budget in budgets]
    arguments.out.write_text(json.dumps(figures, indent=1) + "\n")
    sys.stdout.write("\n".join([*table.lines(figures, budgets), "", f"All figures: {arguments.out}", ""]))


def measure(bench: Bench, watched: Watched | None = None) -> dict[str, Any]:
    """Run the phases. The floor is measured before and after the operator, half each: the machine's mood may change."""
    half = bench.services // 2
    first = _step("the floor, first half", lambda: bench.floor(range(half)))
    start = _step("an operator with nothing to do", bench.start)
    operator = _step("new services", lambda: bench.create(watched))
    restart, idle = _step("a restart, and rest", bench.restart)
    rotation = _step("changed Secrets", bench.rotate)
    second = _step("the floor, second half", lambda: bench.floor(range(half, bench.services)))
    return {
        "services": bench.services,
        "resync_seconds": bench.resync_seconds,
        "floor": joined(first, second),
        "start": start,
        "operator": operator,
        "restart": restart,
        "idle": idle,
        "rotation": rotation,
    }


def joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Add up the two halves of the floor."""
    result: dict[str, Any] = {"services": first["services"] + second["services"]}
    for stretch in ("create", "rollout"):
        one, other = first[stretch], second[stretch]
        added = {
            name: one[name] + other[name]
            for name in ("writes", "reads", "failed", "seconds", "cpu_seconds", "api_server_cpu_seconds")
        }
        result[stretch] = {**added, "writes_per_second": added["writes"] / added["seconds"]}
    return result


def _step(what: str, run: Callable[[], Any]) -> Any:
    sys.stderr.write(f"Measuring {what} …\n")
    return run()


@contextmanager
def _cluster(name: str) -> Iterator[Cluster]:
    """A fresh control plane, without what else would write or ask."""
    cluster = open_cluster(Request(name, Provider.CONTROL_PLANE), ConsoleReporter(sys.stderr))
    cluster.delete()
    cluster.create()
    try:
        install_crds(cluster, CRDS)
        for component in (CONTROLLER_MANAGER, SCHEDULER):
            cluster.stop_component(component)
        yield cluster
    finally:
        cluster.delete()


def _resync_seconds(arguments: argparse.Namespace) -> int:
    """Several times what a resync takes, so that the operator rests in between."""
    chosen: int | None = arguments.resync_seconds
    return chosen or max(20, arguments.services // 20)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--services", type=int, default=500, help="how many services (default: %(default)s)")
    parser.add_argument(
        "--resync-seconds", type=int, help="of the idle operator (default: a twentieth of the services, at least 20)"
    )
    parser.add_argument("--profile", action="store_true", help="with a profile of the operator; it costs some speed")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench.json", help="where the figures go")
    parser.add_argument("--cluster", default="bench", help="name of the control plane, which is made anew")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""What a process has used, read from outside: CPU time and memory from /proc, and what it says of itself."""

import os
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self

import urllib3

from devcluster.cluster import Cluster
from devcluster.ports import free_port
from tests.support.kube import Object, wait_for
from tests.support.operator import OperatorProcess

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS: Final = 0.5
_AT_REST: Final = 3
"""Looks in a row that must show a process using next to nothing."""


class Operator:
    """One run of the operator. Use it as a context manager: it ends with it."""

    def __init__(self, kubeconfig: Object, namespace: str, folder: Path, **settings: str) -> None:
        """Start it."""
        self._port = free_port()
        self._process = OperatorProcess(
            kubeconfig, namespace, folder, http_port=str(self._port), log_level="warning", **settings
        )

    def __enter__(self) -> Self:
        """Nothing to do: it runs."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it as a kubelet would."""
        self._process.stop()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def cpu_seconds(self) -> float:
        """CPU time so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def peak_bytes(self) -> int:
        """The most memory it has had resident."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def metric(self, name: str) -> float:
        """Sum of a metric over its labels; 0 while the operator does not answer."""
        answer = self._get("/metrics")
        return total(answer.data.decode(), name) if answer else 0.0

    def ready(self) -> bool:
        """Whether it has seen everything."""
        answer = self._get("/readyz")
        return bool(answer and answer.status == HTTPStatus.OK)

    def wait(self, look: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait for a condition, or fail with the operator's log."""

        def alive_and_met() -> bool:
            assert self._process.running(), f"the operator ended: {self._log()}"
            return look()

        wait_for(alive_and_met, what, seconds, self._log)

    def rest(self, seconds: float) -> None:
        """Wait until it does next to nothing."""
        used: list[float] = []

        def at_rest() -> bool:
            time.sleep(_LOOK_SECONDS)
            used.append(self.cpu_seconds())
            return len(used) > _AT_REST and used[-1] - used[-1 - _AT_REST] < 0.05 * _LOOK_SECONDS * _AT_REST

        self.wait(lambda: self.ready() and at_rest(), "the operator at rest", seconds)

    def _get(self, path: str) -> urllib3.BaseHTTPResponse | None:
        try:
            return urllib3.request("GET", f"http://127.0.0.1:{self._port}{path}", retries=False, timeout=10)
        except urllib3.exceptions.HTTPError:
            return None  # it does not listen yet

    def _log(self) -> str:
        return self._process.log_file.read_text()[-4000:]


def api_server_cpu(cluster: Cluster) -> float:
    """CPU seconds that the API server has used."""
    return total(cluster.kubectl("get", "--raw", "/metrics"), "process_cpu_seconds_total")


def total(metrics: str, name: str) -> float:
    """Sum of a metric over its labels, in Prometheus' text format."""
    lines = (line.rpartition(" ") for line in metrics.splitlines())
    return sum(float(value) for series, _, value in lines if series.partition("{")[0] == name)

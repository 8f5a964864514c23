"""Calls from ghz: as fast as answers come (closed), or at a rate whatever the answers do (open)."""

import json
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from chassis_testing import programs
from order_service.pb.order_service_pb2 import DESCRIPTOR

CONNECTIONS = 4
MOST_FAILED = 0.01
_SERVICE = DESCRIPTOR.services_by_name["OrderService"].full_name
_NANOSECONDS = 1e9


@dataclass(frozen=True)
class Load:
    """What came of some calls.

    Attributes:
        calls: how many were answered OK.
        seconds: from the first call to the last answer.
        p50: of their latencies, in seconds; None where nobody waited for an answer.
        p99: likewise.
        failed: calls that are left out above; ghz repeats none.
    """

    calls: int
    seconds: float
    p50: float | None = None
    p99: float | None = None
    failed: int = 0


class LoadError(Exception):
    """Calls failed, or ghz did: what is measured then is something else."""


@dataclass(frozen=True)
class Calls:
    """What to call.

    Attributes:
        address: of the service, as `host:port`.
        method: such as `CreateOrder`.
        requests: a file of `write`.
    """

    address: str
    method: str
    requests: Path

    def closed(self, callers: int, *, seconds: float) -> Load:
        """Call for some time with so many callers, each of which waits for its answer.

        Raises:
            LoadError: more than one call failed, and more than one of a hundred.
        """
        return _run(self, callers, ["--duration", f"{seconds}s", "--duration-stop", "wait"])

    def counted(self, callers: int, *, calls: int) -> Load:
        """Call so many times, otherwise as `closed`.

        Raises:
            LoadError: more than one call failed, and more than one of a hundred.
        """
        return _run(self, callers, ["--total", f"{calls}"])

    def steady(self, rate: int, *, seconds: float) -> Load:
        """Call so many times a second, and wait for no answer before the next call.

        Raises:
            LoadError: more than one call failed, and more than one of a hundred.
        """
        calls = max(CONNECTIONS, round(rate * seconds))
        return _run(self, CONNECTIONS, ["--async", "--rps", f"{rate}", "--total", f"{calls}"])


def write(path: Path, requests: Sequence[dict[str, Any]]) -> Path:
    """Write requests for ghz, which sends one after the other and then begins again."""
    path.write_text(json.dumps(requests))
    return path


def _run(calls: Calls, callers: int, options: Sequence[str]) -> Load:
    contract = calls.requests.with_name("contract.binpb")
    contract.write_bytes(_contract())
    what = ["--protoset", str(contract), "--call", f"{_SERVICE}/{calls.method}", "--data-file", str(calls.requests)]
    many = ["--concurrency", f"{callers}", "--connections", f"{min(CONNECTIONS, callers)}"]
    how = ["--insecure", *many, *options, "--format", "json"]
    done = subprocess.run(
        [str(programs.ghz()), *what, *how, calls.address], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LoadError(f"ghz ended with exit code {done.returncode}: {done.stderr or done.stdout}")
    report = json.loads(done.stdout)
    latencies = [each["latency"] / _NANOSECONDS for each in report["details"] if each["status"] == "OK"]
    failed = len(report["details"]) - len(latencies)
    if failed > max(1, len(latencies) * MOST_FAILED):
        raise LoadError(f"{failed} calls of {calls.method} failed: {report['errorDistribution']}")
    hundredths = statistics.quantiles(latencies, n=100, method="inclusive")
    return Load(len(latencies), report["total"] / _NANOSECONDS, hundredths[49], hundredths[98], failed)


def _contract() -> bytes:
    """The service's messages, compiled: the parser of ghz knows no `optional`."""
    files = FileDescriptorSet()
    for each in (*DESCRIPTOR.dependencies, DESCRIPTOR):
        each.CopyToProto(files.file.add())
    return files.SerializeToString()

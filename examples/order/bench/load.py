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
_SERVICE = DESCRIPTOR.services_by_name["OrderService"].full_name
_NANOSECONDS = 1e9


@dataclass(frozen=True)
class Load:
    """What came of some calls.

    Attributes:
        calls: how many, all answered OK.
        seconds: from the first call to the last answer.
        p50: of their latencies, in seconds.
        p99: likewise.
    """

    calls: int
    seconds: float
    p50: float
    p99: float


class LoadError(Exception):
    """A call failed, or ghz did: what is measured then is something else."""


def closed(address: str, method: str, data: Path, callers: int, *, seconds: float = 0, calls: int = 0) -> Load:
    """Call with so many callers, each of which waits for its answer; for some time, or so many calls.

    Raises:
        LoadError: not every call was answered.
    """
    much = ["--total", f"{calls}"] if calls else ["--duration", f"{seconds}s", "--duration-stop", "wait"]
    return _run(address, method, data, ["--concurrency", f"{callers}", *much])


def steady(address: str, method: str, data: Path, rate: int, *, seconds: float) -> Load:
    """Call at a rate, and wait for no answer before the next call.

    Raises:
        LoadError: not every call was answered.
    """
    calls = round(rate * seconds)
    return _run(address, method, data, ["--async", "--rps", f"{rate}", "--concurrency", f"{CONNECTIONS}", "--total", f"{calls}"])


def write(path: Path, requests: Sequence[dict[str, Any]]) -> Path:
    """Write requests for ghz, which sends one after the other and then begins again."""
    path.write_text(json.dumps(requests))
    return path


def _run(address: str, method: str, data: Path, options: Sequence[str]) -> Load:
    contract = data.with_name("contract.binpb")
    contract.write_bytes(_contract())
    common = ["--insecure", "--protoset", str(contract), "--call", f"{_SERVICE}/{method}", "--data-file", str(data)]
    command = [programs.ghz(), *common, "--connections", f"{CONNECTIONS}", *options, "--format", "json", address]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LoadError(f"ghz ended with exit code {done.returncode}: {done.stderr or done.stdout}")
    report = json.loads(done.stdout)
    if set(report["statusCodeDistribution"]) != {"OK"}:
        raise LoadError(f"not every {method} was answered: {report['statusCodeDistribution']}")
    latencies = [each["latency"] / _NANOSECONDS for each in report["details"]]
    hundredths = statistics.quantiles(latencies, n=100, method="inclusive")
    return Load(len(latencies), report["total"] / _NANOSECONDS, hundredths[49], hundredths[98])


def _contract() -> bytes:
    """The service's messages, compiled: the parser of ghz knows no `optional`."""
    files = FileDescriptorSet()
    for each in (*DESCRIPTOR.dependencies, DESCRIPTOR):
        each.CopyToProto(files.file.add())
    return files.SerializeToString()

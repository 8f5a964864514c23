"""What the field's tools say about manifests: kubeconform about their form, kube-score about how they would run."""

import functools
import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from devcluster.binaries import Pins
from devcluster.console import Silent
from devcluster.home import Home
from devcluster.tools import built_tools
from tests.support.schemas import FILE_NAME, write_schemas

Manifest = Mapping[str, Any]
CRITICAL: Final = 1  # kube-score's grade


@dataclass(frozen=True)
class Finding:
    """One thing that kube-score calls critical.

    Attributes:
        object: its kind and name; empty in an exception that holds for every object.
        check: kube-score's name of the check.
        says: kube-score's summary of what is wrong.
    """

    object: str
    check: str
    says: str

    def __str__(self) -> str:
        return f"{self.object}: {self.check}: {self.says}"


def _everywhere(check: str, says: str) -> Finding:
    return Finding("", check, says)


def _raw(check: str, says: str) -> Finding:
    return Finding("Deployment protocols-raw", check, says)


# What we do otherwise than kube-score would have it, and why. A finding that is not named here fails the tests, and so
# does an exception that nothing needs any more.
EXCEPTIONS: Final = {
    _everywhere("container-image-pull-policy", "ImagePullPolicy is not set to Always"): (
        "a tag is never moved and latest is refused: what a node has is right, and it starts with the registry away"
    ),
    _everywhere("container-security-context-user-group-id", "The container is running with a low user ID"): (
        "the image says which user it needs; runAsNonRoot refuses root"
    ),
    _everywhere("container-security-context-user-group-id", "The container running with a low group ID"): (
        "as the user: the image says it"
    ),
    _everywhere("container-resources", "CPU limit is not set"): (
        "a limit takes idle CPU away from a process that needs it; requests share out what is scarce"
    ),
    _everywhere("container-ephemeral-storage-request-and-limit", "Ephemeral Storage limit is not set"): (
        "the root file system is read-only and /tmp has a size limit"
    ),
    _everywhere("container-ephemeral-storage-request-and-limit", "Ephemeral Storage request is not set"): (
        "as the limit: nothing but a small /tmp is written"
    ),
    _everywhere("pod-networkpolicy", "The pod does not have a matching NetworkPolicy"): (
        "its environment isolates nothing"
    ),
    _raw("container-resources", "Memory limit is not set"): "its spec asks for none",
    _raw("container-resources", "Memory request is not set"): "its spec asks for none",
    _raw("container-resources", "CPU request is not set"): "its spec asks for none",
    _raw("pod-probes-identical", "Container has the same readiness and liveness probe"): (
        "a tcp process can be asked one thing only: whether it takes connections"
    ),
}


def conform(manifests: Iterable[Manifest]) -> list[str]:
    """What kubeconform -strict finds wrong with the manifests' form; a kind without a schema is wrong too."""
    schemas = f"{_schemas().name}/{FILE_NAME}"
    arguments = ["-strict", "-output=json", f"-schema-location={schemas}"]
    answer = json.loads(_run("kubeconform", *arguments, stdin=yaml.safe_dump_all(manifests)))
    return sorted(
        f"{each['kind']} {each['name']}: {problem}"
        for each in answer["resources"]
        for problem in _problems(each["msg"])
    )


def score(manifests: Iterable[Manifest]) -> list[str]:
    """What kube-score finds critical in one service's manifests, without EXCEPTIONS. It looks at them together."""
    return [str(finding) for finding in findings(manifests) if not excused_by(finding)]


def excused_by(finding: Finding) -> set[Finding]:
    """The entries of EXCEPTIONS that a finding falls under."""
    return EXCEPTIONS.keys() & {finding, _everywhere(finding.check, finding.says)}


def findings(manifests: Iterable[Manifest]) -> list[Finding]:
    """Everything that kube-score finds critical."""
    version = Pins.read().kubernetes.rpartition(".")[0]
    arguments = ["score", "--output-format=json", f"--kubernetes-version={version}", "-"]
    answer = json.loads(_run("kube-score", *arguments, stdin=yaml.safe_dump_all(manifests)))
    found = {
        Finding(f"{each['type_meta']['kind']} {each['object_meta']['name']}", check["check"]["id"], comment["summary"])
        for each in answer
        for check in each["checks"]
        if check["grade"] <= CRITICAL and not check["skipped"]
        for comment in check["comments"]
    }
    return sorted(found, key=str)


def _problems(message: str) -> list[str]:
    # One line tells all that does not fit the schema, first where it lies and then what is wrong there.
    _, *places = message.split(" - at ")
    return [place.strip() for place in places if not place.strip().endswith("validation failed")] or [message]


def _run(program: str, *arguments: str, stdin: str) -> str:
    path = built_tools(Home.default(), Silent())[program]
    done = subprocess.run([path, *arguments], input=stdin, capture_output=True, text=True, check=False)
    assert done.stdout, f"{program} exited with {done.returncode} and said {done.stderr}"
    return done.stdout


@functools.cache
def _schemas() -> "tempfile.TemporaryDirectory[str]":
    # removed when the process ends
    folder = tempfile.TemporaryDirectory(prefix="schemas-")
    write_schemas(Path(folder.name))
    return folder

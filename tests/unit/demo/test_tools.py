"""The demo's record of what it ran: complete, and without what goes to kubectl's standard input."""

from pathlib import Path
from typing import Any

import pytest

from demo.tools import Tools
from devcluster.cluster import Status
from devcluster.control_plane import ControlPlaneCluster
from devcluster.errors import ToolError


class StandIn(ControlPlaneCluster):
    """Answers without a cluster."""

    def __init__(self) -> None:
        self.name = "stand-in"
        self.inputs: list[str | None] = []

    def kubectl(self, *args: str, **kwargs: Any) -> str:
        self.inputs.append(kwargs.get("input"))
        if args[0] == "fail":
            raise ToolError(1, ["kubectl", *args], "", "Error from server: no")
        return "" if "missing" in args else f"ran {args[0]}"

    def status(self) -> Status:
        return Status(self.name, self.provider, None)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(StandIn(), tmp_path / "logs" / "demo.log")


def test_calls_and_answers_are_recorded(tools: Tools) -> None:
    assert tools.kubectl("get", "pods") == "ran get"

    assert tools.log.read_text() == "$ kubectl get pods\nran get\n"


def test_manifest_reaches_kubectl_and_not_the_record(tools: Tools) -> None:
    tools.kubectl("apply", "-f", "-", manifest="password: hunter2")

    assert isinstance(tools.cluster, StandIn)
    assert tools.cluster.inputs == ["password: hunter2"]
    assert "hunter2" not in tools.log.read_text()


def test_failure_is_recorded_and_raised(tools: Tools) -> None:
    with pytest.raises(ToolError):
        tools.kubectl("fail", "-f", "-", manifest="password: hunter2")

    assert "Error from server: no" in tools.log.read_text()
    assert "hunter2" not in tools.log.read_text()


def test_new_run_begins_a_new_record(tools: Tools) -> None:
    tools.note("of the run before")

    assert Tools(tools.cluster, tools.log).log.read_text() == ""


def test_program_answers_with_its_exit_code_and_output(tools: Tools) -> None:
    done = tools.program("sh", "-c", "echo out; echo err >&2; exit 3")

    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert tools.log.read_text() == "$ sh -c 'echo out; echo err >&2; exit 3'\nout\nerr\n"


def test_object_that_is_not_there_does_not_exist(tools: Tools) -> None:
    assert not tools.exists("secret", "missing", "shop")
    assert tools.exists("secret", "there", "shop")

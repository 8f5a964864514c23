"""What the demo says when a step failed: the service's condition and the pods' reasons."""

import json
from pathlib import Path
from typing import Any

import pytest

from demo import diagnose
from demo.tools import Tools
from devcluster.control_plane import ControlPlaneCluster
from devcluster.errors import ToolError

SERVICE = {
    "metadata": {"name": "order"},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "MigrationFailed", "message": "exit code 1"},
            {"type": "ConfigReady", "status": "True", "reason": "Resolved", "message": "all there"},
        ]
    },
}


def pod(name: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": status}


class StandIn(ControlPlaneCluster):
    """Answers `get` from a table, and nothing else."""

    def __init__(self, objects: dict[str, list[dict[str, Any]]]) -> None:
        self.objects = objects

    def kubectl(self, *args: str, **kwargs: Any) -> str:
        del kwargs
        if args[0] == "get" and args[1] in self.objects:
            return json.dumps({"items": self.objects[args[1]]})
        raise ToolError(1, ["kubectl", *args], "", "the server is away")


def findings(tmp_path: Path, **objects: list[dict[str, Any]]) -> str:
    return diagnose.findings(Tools(StandIn(objects), tmp_path / "demo.log"), ("shop",))


def test_service_that_is_not_ready_tells_why(tmp_path: Path) -> None:
    assert findings(tmp_path, deliveryservices=[SERVICE]) == "   order: MigrationFailed: exit code 1"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such tag"}}}]},
            "   pod shop/web: ImagePullBackOff no such tag",
        ),
        (
            {"containerStatuses": [{"state": {}, "lastState": {"terminated": {"reason": "OOMKilled"}}}]},
            "   pod shop/web: OOMKilled",
        ),
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}
                ]
            },
            "   pod shop/web: Unschedulable no cpu",
        ),
        ({"containerStatuses": [{"ready": True}]}, ""),
        ({"containerStatuses": [{"state": {"running": {}}}]}, ""),
        ({"phase": "Succeeded", "containerStatuses": [{"state": {"waiting": {"reason": "Odd"}}}]}, ""),
    ],
    ids=["waiting", "terminated", "unschedulable", "ready", "starting", "done"],
)
def test_pod_that_does_not_run_tells_why(tmp_path: Path, status: dict[str, Any], said: str) -> None:
    assert findings(tmp_path, pods=[pod("web", **status)]) == said


def test_cluster_that_does_not_answer_is_no_second_failure(tmp_path: Path) -> None:
    assert findings(tmp_path) == ""

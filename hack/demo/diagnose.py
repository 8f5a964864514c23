"""Looks for the cause when a step failed: what the service's conditions say, what the pods say."""

import json
from typing import Any

from demo.tools import Tools
from devcluster.errors import DevclusterError


def findings(tools: Tools, namespaces: tuple[str, ...]) -> str:
    """What is not well in these namespaces, one finding a line; events and logs go into the record."""
    found: list[str] = []
    for namespace in namespaces:
        found += _services(tools, namespace)
        found += _pods(tools, namespace)
        _quietly(tools, "get", "events", "-n", namespace, "--sort-by=.lastTimestamp")
    return "\n".join(f"   {line}" for line in found)


def _services(tools: Tools, namespace: str) -> list[str]:
    return [
        f"{service['metadata']['name']}: {condition['reason']}: {condition['message']}"
        for service in _items(tools, "deliveryservices", namespace)
        for condition in service.get("status", {}).get("conditions", [])
        if (condition["type"], condition["status"]) == ("Ready", "False")
    ]


def _pods(tools: Tools, namespace: str) -> list[str]:
    lines = []
    for pod in _items(tools, "pods", namespace):
        name, status = pod["metadata"]["name"], pod.get("status", {})
        if status.get("phase") != "Succeeded":
            _quietly(tools, "logs", "-n", namespace, name, "--all-containers", "--tail=100")
            lines += [f"pod {namespace}/{name}: {reason}" for reason in _reasons(status)]
    return lines


def _reasons(status: dict[str, Any]) -> list[str]:
    """Why a pod does not run: its containers' states, and whether it was scheduled."""
    found = [
        container.get("state", {}).get("waiting") or container.get("lastState", {}).get("terminated")
        for container in status.get("containerStatuses", [])
        if not container.get("ready")
    ]
    found += [
        condition
        for condition in status.get("conditions", [])
        if (condition["type"], condition["status"]) == ("PodScheduled", "False")
    ]
    return [f"{each.get('reason', '')} {each.get('message', '')}".strip() for each in found if each]


def _items(tools: Tools, kind: str, namespace: str) -> list[dict[str, Any]]:
    answer = _quietly(tools, "get", kind, "-n", namespace, "-o", "json")
    items: list[dict[str, Any]] = json.loads(answer)["items"] if answer else []
    return items


def _quietly(tools: Tools, *arguments: str) -> str:
    """Ask; an API server that does not answer is one more finding, not another failure."""
    try:
        return tools.kubectl(*arguments, "--request-timeout=10s")
    except DevclusterError:
        return ""

"""Rotated Secrets, as the operator wrote them into the status: who still holds an old value, and when it may go."""

from collections.abc import Iterable
from typing import Any

from delivery_operator.cli.terminal import Cell, worded
from delivery_operator.cluster.api import Body

HEADER = ("SERVICE", "SECRET", "NEW SINCE", "REVOKE", "PODS THAT MAY HOLD AN OLD VALUE")


def rotated(services: Iterable[Body]) -> list[dict[str, Any]]:
    """Read the rotated Secrets of services; empty when nothing is under way or just done."""
    return [
        {"service": body["metadata"]["name"], **entry}
        for body in services
        for entry in (body.get("status") or {}).get("rotation") or ()
    ]


def rows(rotations: Iterable[dict[str, Any]]) -> list[tuple[Cell, ...]]:
    """Write them as rows under HEADER."""
    return [
        (
            each["service"],
            each["secret"],
            each.get("release", ""),
            worded("safe" if each["safeToRevoke"] else "not yet"),
            ", ".join([*each.get("pods", ()), *(["and more"] if each.get("morePods") else [])]),
        )
        for each in rotations
    ]

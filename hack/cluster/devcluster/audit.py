"""The API server's audit log: who asked for what, at the Metadata level."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# One event per finished request, by anybody, without bodies: enough to count writes and to see who made them.
POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
"""
MAX_MEGABYTES, MAX_FILES = 100, 10  # rotation: at most a gigabyte


def read_events(log: Path, after: dt.datetime | None = None) -> Iterator[dict[str, Any]]:
    """Events of a log and its rotated files, oldest first; only requests received after `after` if it is given."""
    bound = after.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if after else ""
    rotated = sorted(log.parent.glob(f"{log.stem}-*{log.suffix}"))  # named by time
    for path in [*rotated, log]:
        if not path.exists():
            continue
        with path.open() as lines:
            for line in lines:
                if not line.endswith("\n"):  # being written at this moment
                    break
                event: dict[str, Any] = json.loads(line)
                if event["requestReceivedTimestamp"] > bound:
                    yield event

"""The API server's audit log: who asked for what, at the Metadata level."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

# One event per finished request, by anybody, without bodies: enough to count writes and to see who made them.
POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
"""
MAX_MEGABYTES, MAX_FILES = 100, 10  # rotation: at most a gigabyte

_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_STAGE = re.compile(rb'"stageTimestamp":"([^"]+)"')
_DISORDER = dt.timedelta(seconds=5)  # requests that finish at once are not written in order
_BLOCK = 1 << 16


def read_events(log: Path, after: dt.datetime | None = None) -> Iterator[dict[str, Any]]:
    """Events of a log and its rotated files, oldest first; only requests received after `after` if it is given."""
    bound = after.astimezone(dt.UTC) if after else None
    received = bound.strftime(_TIME) if bound else ""
    rotated = sorted(log.parent.glob(f"{log.stem}-*{log.suffix}"))  # named by time
    for path in [*rotated, log]:
        if not path.exists() or (bound and path.stat().st_mtime < bound.timestamp()):
            continue
        with path.open("rb") as lines:
            if bound:
                _seek(lines, (bound - _DISORDER).strftime(_TIME))
            for line in lines:
                if not line.endswith(b"\n"):  # being written at this moment
                    break
                event: dict[str, Any] = json.loads(line)
                if event["requestReceivedTimestamp"] > received:
                    yield event


def _seek(lines: BinaryIO, finished: str) -> None:
    """Go to a line that is not after the first request finished later than that: tests ask again and again."""
    low, high = 0, lines.seek(0, os.SEEK_END)
    while high - low > _BLOCK:
        middle = (low + high) // 2
        lines.seek(middle)
        lines.readline()
        stage = _STAGE.search(lines.readline())
        if stage and stage[1].decode() <= finished:
            low = middle
        else:
            high = middle
    lines.seek(low)
    if low:
        lines.readline()

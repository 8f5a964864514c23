"""What is written down about a running cluster, so that another process can find, check and end it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from devcluster.home import write_atomically
from devcluster.processes import Identity, boot_id


@dataclass
class State:
    """One cluster. `processes` are those of the host that hold it up; ending them ends everything in it."""

    provider: str
    fingerprint: str
    run: str
    port: int = 0
    boot: str = field(default_factory=boot_id)
    processes: dict[str, Identity] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)  # name: digest of its configuration, as loaded here
    created: list[str] = field(default_factory=list)  # empty folders of the host that were made as mount points
    kubeconfig: str | None = None  # of a cluster that is not ours
    session: str | None = None  # the test session that created it; None: it stays until somebody ends it
    ready: bool = False

    def save(self, directory: Path) -> None:
        """Write it to the cluster's folder."""
        write_atomically(directory / "state.json", json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, directory: Path) -> State | None:
        """Read it; None if no cluster is known there.

        Raises:
            ValueError: the file is no state of this version. Nothing is known then about what may still run.
        """
        try:
            data: dict[str, Any] = json.loads((directory / "state.json").read_text())
        except FileNotFoundError:
            return None
        processes = {name: Identity(**identity) for name, identity in data.pop("processes").items()}
        return cls(**data, processes=processes)

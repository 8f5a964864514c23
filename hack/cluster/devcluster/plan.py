"""All that an embedded cluster is made of, as data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from devcluster.binaries import Binaries
from devcluster.pki import Subject


@dataclass(frozen=True)
class Plan:
    """All that a cluster is made of: who gets a certificate, configuration files, and command lines in start order."""

    subjects: tuple[Subject, ...]
    files: dict[str, str]
    kubeconfigs: dict[str, str]  # user: server
    commands: dict[str, list[str]]

    def fingerprint(self, binaries: Binaries) -> str:
        """Equal for clusters that are made of the same programs and configuration."""
        parts = [binaries.key, [vars(subject) for subject in self.subjects], self.files, self.commands]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

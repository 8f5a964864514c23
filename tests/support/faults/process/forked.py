"""Operator processes that start in tenths of a second: forked from one that has loaded the code and done nothing else.

Such a process can be killed like any other; what it saves is the second that Python needs to load the operator.
"""

import multiprocessing
import time
from pathlib import Path
from typing import Final

from tests.support.faults.process.child import operate
from tests.support.kube import Object
from tests.support.operator import variables

_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["delivery_operator.__main__"])


def pod_name(replica: int) -> str:
    """Under which name a replica holds the Lease, after a restart too."""
    return f"operator-{replica}"


class ForkedOperator:
    """One run of the operator, watching one namespace."""

    def __init__(self, kubeconfig: Object, namespace: str, folder: Path, pod: str, **settings: str) -> None:
        environment = variables(kubeconfig, namespace, folder, pod, settings)
        self._log = folder / f"{namespace}-{time.monotonic_ns()}.log"
        self._process = _CONTEXT.Process(target=operate, args=(environment, str(self._log)), daemon=True)
        self._process.start()

    def kill(self) -> None:
        """SIGKILL: no time for a last word."""
        self._process.kill()

    def running(self) -> bool:
        return self._process.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait for its end."""
        self._process.join(seconds)
        assert not self._process.is_alive(), "it was killed, and lives"

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

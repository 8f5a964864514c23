"""The first process of a node: it holds the namespaces, starts and stops components, and collects the dead.

Started as `unshare --net --mount --pid --fork --kill-child --mount-proc python -m devcluster.node.init SETUP`, it is
process 1 of its PID namespace: when it ends, the kernel ends everything in there. It restarts nothing by itself; who
runs the cluster asks it over a Unix socket, one JSON line each way:

    {"start": NAME, "argv": [...], "log": FILE, "fds": {"3": 3}}     {"stop": NAME}     {"list": true}
    {"signal": NAME, "number": 19}

Only the standard library and `processes` are imported here: it starts in a twentieth of a second.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from devcluster.processes import spawn

REQUEST_TIMEOUT = 5.0


class Init:
    """The components of one node, by name. They are our children: a pid stays theirs until we collect it."""

    def __init__(self, setup: dict[str, Any]) -> None:
        """Nothing is started yet; `setup` is what NodeCluster wrote."""
        self._setup = setup
        self._pids: dict[str, int] = {}

    def prepare(self) -> None:
        """Make the private mounts and the network.

        Raises:
            subprocess.CalledProcessError: a command failed; what it said is in our log.
        """
        for target, size in self._setup["tmpfs"].items():
            _run("mount", "-t", "tmpfs", "-o", f"mode=755,size={size}" if size else "mode=755", "devcluster", target)
        for source, target in self._setup["binds"]:
            Path(target).mkdir(parents=True, exist_ok=True)
            _run("mount", "--bind", source, target)
        for command in self._setup["network"]:
            _run(*command)
        for name, value in self._setup["sysctls"].items():
            Path("/proc/sys", name).write_text(value)

    def serve(self, address: str) -> None:
        """Answer requests and collect ended processes, for ever."""
        wake, wakened = socket.socketpair()
        wake.settimeout(0)
        wakened.settimeout(0)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        listener.listen(64)
        selector = selectors.DefaultSelector()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(wakened, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is wakened:
                    with contextlib.suppress(BlockingIOError):
                        wakened.recv(4096)
            self._collect()
            self._answer(listener)

    def _answer(self, listener: socket.socket) -> None:
        listener.settimeout(0)
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return
        with connection, contextlib.suppress(OSError, ValueError):
            connection.settimeout(REQUEST_TIMEOUT)
            with connection.makefile("rw") as stream:
                request = json.loads(stream.readline())
                json.dump(self._handle(request), stream)
                stream.write("\n")

    def _handle(self, request: dict[str, Any]) -> dict[str, Any]:
        if name := request.get("start"):
            self._start(name, request)
        elif name := request.get("stop"):
            self._stop(name)
        elif (name := request.get("signal")) in self._pids:
            os.kill(self._pids[name], request["number"])
        return {"running": sorted(self._pids)}

    def _start(self, name: str, request: dict[str, Any]) -> None:
        if name in self._pids:
            return
        fds = {int(theirs): int(ours) for theirs, ours in request.get("fds", {}).items()}
        environment = self._setup["environment"]
        process = spawn(request["argv"], Path(request["log"]), environment, cwd=Path(self._setup["cwd"]), fds=fds)
        self._pids[name] = process.pid

    def _stop(self, name: str) -> None:
        pid = self._pids.pop(name, None)
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _collect(self) -> None:
        """Collect ended children: components, and what others have left behind."""
        while True:
            try:
                pid, code = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for name in [name for name, running in self._pids.items() if running == pid]:
                del self._pids[name]
                _say(f"{name} ended with {os.waitstatus_to_exitcode(code)}")


def _run(*command: str) -> None:
    _say(" ".join(command))
    subprocess.run(command, check=True)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Prepare, then serve."""
    setup = json.loads(Path(sys.argv[1]).read_text())
    for inherited in setup["fds"]:
        os.set_inheritable(inherited, False)  # noqa: FBT003 (only the component that is meant gets it)
    init = Init(setup)
    init.prepare()
    init.serve(setup["control"])


if __name__ == "__main__":
    main()

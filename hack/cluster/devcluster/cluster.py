"""What a cluster is to its users, whichever provider it comes from.

The names and signatures of `kubeconfig_path`, `create`, `delete`, `kubectl`, `load_docker_image` and `port_forward` are
those of pytest_kind.KindCluster, so a test that was written for it runs here.
"""

from __future__ import annotations

import abc
import contextlib
import datetime as dt
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from devcluster.errors import PortForwardError, ToolError, UnsupportedError

FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
PORT_FORWARD_TIMEOUT, RETRY_DELAY = 20.0, 1.0


@dataclass(frozen=True)
class Status:
    """What is known about a cluster now. `problem` is None when it is up and well."""

    name: str
    provider: str
    problem: str | None
    server: str | None = None
    kubeconfig: Path | None = None
    logs: Path | None = None
    components: dict[str, str] = field(default_factory=dict)


class Cluster(abc.ABC):
    """A Kubernetes cluster."""

    provider: str
    has_pods: bool
    """Whether pods run here; without a kubelet they stay Pending."""

    def __init__(self, name: str, kubeconfig_path: Path) -> None:
        """Nothing is started yet."""
        self.name = name
        self.kubeconfig_path = kubeconfig_path

    # Life

    @abc.abstractmethod
    def create(self) -> None:
        """Bring it up and wait until it can be used. A cluster that is up and well is left as it is."""

    @abc.abstractmethod
    def delete(self) -> None:
        """End it and remove what belongs to it. No error if it is not there."""

    @abc.abstractmethod
    def status(self) -> Status:
        """Look at it now."""

    # Use

    @abc.abstractmethod
    def tool(self, name: str) -> Path:
        """The path of a client program: kubectl or helm."""

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which kubectl, helm and client libraries find this cluster."""
        return {
            "KUBECONFIG": str(self.kubeconfig_path),
            # A discovery cache of its own: kubectl's default is keyed by the server's address, and ports come back.
            "KUBECACHEDIR": str(self.kubeconfig_path.parent / "kubectl-cache"),
        }

    def kubectl(self, *args: str, **kwargs: Any) -> str:
        """Run kubectl and return what it wrote to standard output. Keyword arguments are subprocess.run's (`input=`).

        Raises:
            ToolError: it ended with an error.
        """
        return self._run("kubectl", args, kwargs)

    def helm(self, *args: str, **kwargs: Any) -> str:
        """Run helm against this cluster; otherwise as `kubectl`."""
        return self._run("helm", args, kwargs)

    def _run(self, tool: str, args: tuple[str, ...], options: dict[str, Any]) -> str:
        command = [str(self.tool(tool)), *map(str, args)]
        environment = {**os.environ, **self.environment, **(options.pop("env", None) or {})}
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8", **options}
        done = subprocess.run(command, env=environment, check=False, **options)
        if done.returncode:
            raise ToolError(done.returncode, [tool, *command[1:]], done.stdout, done.stderr)
        return str(done.stdout or "")

    @contextlib.contextmanager
    def port_forward(
        self,
        service_or_pod_name: str,
        remote_port: int,
        *args: str,
        local_port: int | None = None,
        retries: int = 10,
    ) -> Iterator[int]:
        """Forward a local port (a free one unless given) to a service or pod, and yield it.

        `args` go to kubectl port-forward (`-n`, a namespace). It is tried again a second later, up to `retries` times:
        the pod may only just be starting.

        Raises:
            PortForwardError: it never worked; the text has what kubectl said.
        """
        ports = f"{local_port or ''}:{remote_port}"
        command = [str(self.tool("kubectl")), "port-forward", service_or_pod_name, ports, *args]
        command.append("--address=127.0.0.1")
        # A file, not a pipe: kubectl writes a line per connection, and nobody would empty the pipe.
        with tempfile.TemporaryFile("w+b") as output:
            process = self._forwarder(command, output, retries)
            try:
                yield _local_port(output)
            finally:
                process.kill()
                process.wait()

    def _forwarder(self, command: list[str], output: IO[bytes], retries: int) -> subprocess.Popen[bytes]:
        for attempt in range(max(retries, 1)):
            if attempt:
                time.sleep(RETRY_DELAY)
            output.seek(0)
            output.truncate()
            process = subprocess.Popen(
                command, env={**os.environ, **self.environment}, stdout=output, stderr=subprocess.STDOUT
            )
            deadline = time.monotonic() + PORT_FORWARD_TIMEOUT
            while process.poll() is None and time.monotonic() < deadline:
                if _local_port(output):
                    return process
                time.sleep(0.05)
            process.kill()
            process.wait()
        output.seek(0)
        said = output.read().decode(errors="replace").strip()
        message = f"{' '.join(command[1:])}: no connection after {retries} attempts: {said or 'kubectl said nothing'}"
        raise PortForwardError(message)

    # What not every provider can do

    def load_docker_image(self, docker_image: str) -> None:
        """Make a container image known to the node: the path of a docker-archive, or a name in the local storage."""
        raise self._unsupported(f"load the image {docker_image}")

    def audit_events(self, after: dt.datetime | None = None) -> Iterator[dict[str, Any]]:
        """Requests the API server has finished, oldest first, as audit.k8s.io/v1 events at the Metadata level.

        With `after`, only those it received later than that moment.
        """
        del after
        raise self._unsupported("read the API server's audit log")

    def stop_component(self, name: str) -> None:
        """End one component at once (SIGKILL), as a crash would; the others go on."""
        raise self._unsupported(f"stop {name}")

    def start_component(self, name: str) -> None:
        """Start a component that was stopped, and wait until it is ready."""
        raise self._unsupported(f"start {name}")

    def pause_component(self, name: str) -> None:
        """Let a component do nothing (SIGSTOP) until it is resumed; its connections stay open, and nobody answers."""
        raise self._unsupported(f"pause {name}")

    def resume_component(self, name: str) -> None:
        """Let a paused component go on (SIGCONT)."""
        raise self._unsupported(f"resume {name}")

    @property
    def logs_dir(self) -> Path:
        """The folder with one log per component."""
        raise self._unsupported("show logs of components")

    def _unsupported(self, what: str) -> UnsupportedError:
        return UnsupportedError(f"A cluster of the provider {self.provider} cannot {what}.")


def _local_port(output: IO[bytes]) -> int:
    # pread: the position is shared with kubectl, which writes there
    text = os.pread(output.fileno(), 65536, 0).decode(errors="replace")
    found = FORWARDING.search(text)
    return int(found.group(1)) if found else 0

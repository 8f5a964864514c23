"""The cluster's kubectl and helm, with a record of every call, so that a failure can be looked into afterwards."""

import base64
import json
import shlex
import subprocess
from pathlib import Path

from devcluster.cluster import Cluster
from devcluster.errors import DevclusterError


class Tools:
    """Runs kubectl and helm against one cluster."""

    def __init__(self, cluster: Cluster, log: Path) -> None:
        """Begin a new record in `log`."""
        self.cluster = cluster
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")

    def kubectl(self, *arguments: str, manifest: str | None = None) -> str:
        """Run kubectl; a manifest goes to its standard input and, because it may be a Secret, not into the record.

        Raises:
            ToolError: it ended with an error.
        """
        return self._run("kubectl", arguments, **({"input": manifest} if manifest else {}))

    def helm(self, *arguments: str) -> str:
        """Run helm.

        Raises:
            ToolError: it ended with an error.
        """
        return self._run("helm", arguments)

    def exists(self, kind: str, name: str, namespace: str) -> bool:
        """Whether an object is there."""
        return bool(self.kubectl("get", kind, name, "-n", namespace, "--ignore-not-found", "-o", "name"))

    def secret(self, name: str, namespace: str) -> dict[str, str]:
        """What a Secret holds; it goes into no record."""
        data = json.loads(self.cluster.kubectl("get", "secret", name, "-n", namespace, "-o", "jsonpath={.data}"))
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def program(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run any other program and return how it ended."""
        self.note(f"$ {shlex.join(command)}")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.note(done.stdout + done.stderr)
        return done

    def note(self, text: str) -> None:
        """Add to the record."""
        with self.log.open("a") as file:
            file.write(text.rstrip() + "\n")

    def _run(self, tool: str, arguments: tuple[str, ...], **options: str) -> str:
        self.note(f"$ {tool} {shlex.join(arguments)}")
        run = self.cluster.kubectl if tool == "kubectl" else self.cluster.helm
        try:
            output = run(*arguments, **options)
        except DevclusterError as error:
            self.note(str(error))
            raise
        self.note(output)
        return output

"""The provider `existing`: a cluster somebody else runs, by its kubeconfig. It is used, never created or deleted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from devcluster.binaries import built_binaries, cached
from devcluster.cluster import Cluster, Status
from devcluster.console import Reporter, Silent
from devcluster.errors import NotRunningError, ToolError, UsageError
from devcluster.home import Home, private_directory, remove_tree
from devcluster.state import State


class ExistingCluster(Cluster):
    """A cluster that was there before and stays after."""

    provider = "existing"
    has_pods = True

    def __init__(
        self,
        name: str,
        kubeconfig: Path | None = None,
        home: Home | None = None,
        reporter: Reporter | None = None,
        session: str | None = None,
    ) -> None:
        """Use the given kubeconfig, else $KUBECONFIG, else the user's."""
        self._home = home or Home.default()
        self._reporter = reporter or Silent()
        self._session = session
        self._directory = self._home.cluster(name)
        chosen = kubeconfig or Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube/config")
        super().__init__(name, chosen.absolute())

    @property
    def environment(self) -> dict[str, str]:
        """The kubeconfig; caches stay where the user has them."""
        return {"KUBECONFIG": str(self.kubeconfig_path)}

    def create(self) -> None:
        """Check that it answers, and remember it under its name.

        Raises:
            UsageError: there is no such kubeconfig.
            NotRunningError: the cluster does not answer.
        """
        if not self.kubeconfig_path.is_file():
            message = f"There is no kubeconfig {self.kubeconfig_path}: name one with --kubeconfig or $KUBECONFIG."
            raise UsageError(message)
        if problem := self.status().problem:
            message = f"The cluster of {self.kubeconfig_path} cannot be used: {problem}"
            raise NotRunningError(message)
        record = State(self.provider, "", "", kubeconfig=str(self.kubeconfig_path), session=self._session)
        record.save(private_directory(self._directory))

    def delete(self) -> None:
        """Forget the name; the cluster itself is not ours."""
        remove_tree(self._directory)

    def status(self) -> Status:
        """Ask whether it is ready."""
        try:
            self.kubectl("get", "--raw=/readyz", "--request-timeout=10s")
        except ToolError as error:
            return Status(self.name, self.provider, str(error), kubeconfig=self.kubeconfig_path)
        return Status(self.name, self.provider, None, kubeconfig=self.kubeconfig_path)

    def tool(self, name: str) -> Path:
        """Our own if it is built, else what is on PATH, else it is built."""
        return client_tool(name, self._home, self._reporter)


def client_tool(name: str, home: Home, reporter: Reporter) -> Path:
    """The path of kubectl or helm for a cluster that is not embedded: clients of any near version will do."""
    if built := cached(home):
        return built.paths[name]
    if found := shutil.which(name):
        return Path(found)
    return built_binaries(home, reporter).paths[name]

"""The provider `kind`: Kubernetes in Docker, through pytest-kind's KindCluster.

Thin on purpose: KindCluster creates, deletes and loads; what is here keeps its files in our home, prefers a kind that
is on PATH, and loads image archives, which it cannot.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from devcluster.cluster import Cluster, Status
from devcluster.console import Reporter, Silent
from devcluster.errors import ImageError, NotRunningError, ToolError
from devcluster.existing import client_tool
from devcluster.home import Home, private_directory, remove_tree
from devcluster.state import State

if TYPE_CHECKING:
    from pytest_kind import KindCluster  # type: ignore[import-untyped]


class KindProvider(Cluster):
    """A kind cluster on the Docker engine of this machine."""

    provider = "kind"
    has_pods = True

    def __init__(
        self,
        name: str,
        home: Home | None = None,
        reporter: Reporter | None = None,
        image: str | None = None,
        session: str | None = None,
    ) -> None:
        """Nothing is started yet. `image` is the node image; kind's own default otherwise."""
        self._home = home or Home.default()
        self._reporter = reporter or Silent()
        self._image, self._session = image, session
        self._directory = self._home.cluster(name)
        super().__init__(name, self._directory / "kubeconfig")

    def create(self) -> None:
        """Create it if kind does not have it, and wait until its API server is ready."""
        with self._home.lock(f"cluster-{self.name}"), self._reporter.step(f"Starting the kind cluster {self.name}"):
            known = State.load(private_directory(self._directory))
            if not known:
                State(self.provider, "", "", session=self._session).save(self._directory)
            try:
                self._kind().create()
                self.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=300s")
            except (subprocess.CalledProcessError, OSError) as error:
                message = f"kind could not start the cluster {self.name}; what it wrote is above ({error})."
                raise NotRunningError(message) from error

    def delete(self) -> None:
        """`kind delete cluster`, and our record of it."""
        with self._home.lock(f"cluster-{self.name}"):
            if State.load(self._directory):
                self._kind().delete()
            remove_tree(self._directory)

    def status(self) -> Status:
        """Ask its API server whether it is ready."""
        problem = None
        try:
            self.kubectl("get", "--raw=/readyz", "--request-timeout=10s")
        except ToolError as error:
            problem = str(error)
        return Status(self.name, self.provider, problem, kubeconfig=self.kubeconfig_path)

    def load_docker_image(self, docker_image: str) -> None:
        """Load an archive (a path) or an image of the Docker engine (a name) into the nodes."""
        try:
            if Path(docker_image).is_file():
                kind = self._kind()
                kind.ensure_kind()
                command = [str(kind.kind_path), "load", "image-archive", "--name", self.name, docker_image]
                subprocess.run(command, check=True)
            else:
                self._kind().load_docker_image(docker_image)
        except subprocess.CalledProcessError as error:
            message = f"kind could not load {docker_image}: {error}"
            raise ImageError(message) from error

    def tool(self, name: str) -> Path:
        """The path of kubectl or helm."""
        return client_tool(name, self._home, self._reporter)

    def _kind(self) -> KindCluster:
        from pytest_kind import KindCluster, cluster  # noqa: PLC0415 (it takes half a second, for requests and pykube)

        downloaded = private_directory(self._home.root / "kind") / f"kind-{cluster.KIND_VERSION}"
        on_path = shutil.which("kind")
        kubectl = self.tool("kubectl")
        # Its constructor makes a folder .pytest-kind where we are, for what we give it absolute paths of.
        with contextlib.chdir(private_directory(self._directory)):
            return KindCluster(
                self.name,
                self.kubeconfig_path,
                image=self._image,
                kind_path=Path(on_path) if on_path else downloaded,
                kubectl_path=kubectl,
            )

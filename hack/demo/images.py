"""Builds the images of the demo from this working tree and loads them into the cluster.

The operator's image keeps its name from run to run; its digest goes into the pod's annotations (see `install`), so that
changed code makes a new pod and unchanged code does not.
"""

from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from devcluster.choose import Provider, Request, open_cluster
from devcluster.cluster import Cluster
from devcluster.console import Reporter
from devcluster.images import BuiltImage, build_image

ROOT = Path(__file__).resolve().parents[2]
OPERATOR = "registry.example.com/delivery/delivery-operator:demo"
ORDER = "registry.example.com/shop/order"
VERSIONS = ("v1.0.0", "v1.1.0")  # the first is what the example names, the second is there to upgrade to
POSTGRES = "docker.io/library/postgres:15"


class Builds:
    """Builds that go on while the cluster starts."""

    def __init__(self, *, postgres: bool) -> None:
        """Begin. PostgreSQL is built where nothing can be pulled; elsewhere its public image serves."""
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._result = self._pool.submit(_build, postgres=postgres)

    def finished(self, reporter: Reporter) -> list[BuiltImage]:
        """Return the images, the operator's first.

        Raises:
            DevclusterError: an image could not be built.
        """
        if not wait([self._result], timeout=1).done:
            with reporter.step("Building container images (the first time takes minutes; the result is kept)"):
                wait([self._result])
        return self._result.result()

    def cancel(self) -> None:
        """Begin no further build; one that runs ends with this process."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def load(cluster: Cluster, images: list[BuiltImage], reporter: Reporter) -> None:
    """Make the images known to the node; one that it has already takes no time."""
    silent = open_cluster(Request(cluster.name, Provider(cluster.provider)))  # it would name the archives' paths
    for image in images:
        with reporter.step(f"Loading {image.name}"):
            silent.load_docker_image(str(image.archive))


def _build(*, postgres: bool) -> list[BuiltImage]:
    built = [build_image(ROOT, OPERATOR)]
    examples = ROOT / "examples"
    dockerfile = examples / "order" / "Dockerfile"
    built += [build_image(examples, f"{ORDER}:{version}", dockerfile=dockerfile) for version in VERSIONS]
    if postgres:
        built.append(build_image(examples / "backing" / "postgres", POSTGRES))
    return built

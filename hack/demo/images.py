"""Builds the images of the demo from this working tree and loads them into the cluster.

The operator's image keeps its name from run to run; its digest goes into the pod's annotations (see `install`), so that
changed code makes a new pod and unchanged code does not.
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from devcluster.choose import Provider, Request, open_cluster
from devcluster.cluster import Cluster
from devcluster.console import Reporter
from devcluster.images import BuiltImage, build_image
from devcluster.images.command import run

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
OPERATOR = "registry.example.com/delivery/delivery-operator:demo"
REGISTRY = "registry.example.com/shop"
ORDER = f"{REGISTRY}/order"
VERSIONS = ("v1.0.0", "v1.1.0")  # the first is what the examples name, the second is there to upgrade to
STAND_INS = "stand-ins"
BACKING = {
    "postgres": "docker.io/library/postgres:15",
    "redis": "docker.io/library/redis:7",
    "rabbitmq": "docker.io/library/rabbitmq:3.10",
    "kafka": "docker.io/apache/kafka:4.1.1",
    "mongodb": "docker.io/library/mongo:7",
    "stripe-mock": "docker.io/stripe/stripe-mock:v0.203.0",
}
"""The public images that the manifests in examples/backing name, by the folder there that makes one of that name."""
STAGED = {"kafka", "mongodb", "stripe-mock"}
"""Those that are made of programs which no package holds."""
STAGE = ROOT / "build" / "backing"


class Builds:
    """Builds that go on while the cluster starts."""

    def __init__(
        self, services: Collection[str], backing: Collection[str], upgraded: Collection[str] = ("order",)
    ) -> None:
        """Begin.

        Args:
            services: folders of examples.
            backing: folders of examples/backing; none where the public images can be pulled.
            upgraded: those of the services that get a version to upgrade to.
        """
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._result = self._pool.submit(_build, services, backing, upgraded)

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


def _build(services: Collection[str], backing: Collection[str], upgraded: Collection[str]) -> list[BuiltImage]:
    built = [build_image(ROOT, OPERATOR)]
    for service in services:
        dockerfile = EXAMPLES / service / "Dockerfile"
        versions = VERSIONS if service in upgraded else VERSIONS[:1]
        built += [
            build_image(EXAMPLES, f"{REGISTRY}/{service}:{version}", dockerfile=dockerfile) for version in versions
        ]
    if STAGED & {*backing}:
        _stage()
    for name in backing:
        folder = EXAMPLES / "backing" / name
        context = STAGE / name if name in STAGED else folder
        built.append(build_image(context, BACKING[name], dockerfile=folder / "Dockerfile"))
    return built


def _stage() -> None:
    """Make the folders that images are made of."""
    log = STAGE.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    chassis = ("run", "--quiet", "--frozen", "--directory", str(EXAMPLES / "chassis"))
    command = [str(ROOT / "hack" / "uv"), *chassis, "python", "-m", "chassis_testing.staging", str(STAGE)]
    run(command, log, lambda _: None)

"""A node that has no room for the image of a release, on a node of its own: nobody else's images are in danger."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import backing, images
from devcluster.binaries import built_binaries
from devcluster.console import Silent
from devcluster.home import Home
from devcluster.node.cluster import NodeCluster
from tests.support import registry
from tests.support.kube import condition, wait_for
from tests.support.node import open_shop

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="the node needs root on Linux"),
]

NEXT = f"{images.ORDER}:{images.VERSIONS[1]}"
IMAGE_STORE = "1400m"
"""The images of the operator, the order service and PostgreSQL, packed and unpacked, and some 300 MB more."""
LEFT, MISSING = 16 << 20, 64 << 20
"""Bytes that are left on the node, and that the next image takes: room for what pods need, not for the image."""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[NodeCluster]:
    """A node whose image store is a file system of its own."""
    home = Home(tmp_path / "home")
    home.root.mkdir()
    built_binaries(Home.default(), Silent())
    home.binaries.symlink_to(Home.default().binaries)
    cluster = NodeCluster(f"full-disk-{os.getpid()}", home, image_store=IMAGE_STORE)
    cluster.create()
    yield cluster
    cluster.delete()


def test_an_image_that_the_node_has_no_room_for(small: NodeCluster, tmp_path: Path) -> None:
    """What serves goes on, the status names the node, and the release goes on by itself when there is room again."""
    built = images.Builds(["order"], backing.images(["order"])).finished(Silent())
    order = open_shop(small, [each for each in built if each.name != NEXT], tmp_path / "tools.log")
    order.restore()
    before = order.newest_release()["spec"]["number"]
    archive = next(each.archive for each in built if each.name == NEXT)
    with _given_out(small, registry.Image(archive, NEXT, MISSING)) as asked, order.load(rate=10) as result:
        with _full(small.image_store):
            order.upgrade(images.VERSIONS[1])
            found = order.wait_reason("ImagePullFailed")
            told = condition(found, "Ready")
            assert f"image {NEXT}: no space left on device on node {small.name}-node; free space" in told["message"]
            assert "the node pulls the image by itself; release order-r1 serves" in told["message"]
            tries = len(_pulls(asked))
            wait_for(lambda: len(_pulls(asked)) > tries + 1, "the node to try again, and again", 120, order.explain)
            assert condition(order.service(), "Ready") == told, "the same cause is told in the same words"
            order.call()
        order.wait_ready(NEXT, seconds=360)  # the kubelet tries again later and later
        order.wait_gone(before)
    assert result["errors"] == []
    newest = order.newest_release()
    assert newest["spec"]["number"] == before + 1
    assert newest["status"]["migration"]["result"] == "Succeeded"
    job = order.get("job", f"{newest['metadata']['name']}-migrate")
    assert job["metadata"]["uid"] == newest["status"]["migration"]["uid"]
    assert [job["status"].get(count, 0) for count in ("succeeded", "failed", "active")] == [1, 0, 0]
    order.call()


def _pulls(asked: list[str]) -> list[str]:
    """The requests that a pull begins with."""
    return [path for path in asked if path.endswith(f"/manifests/{images.VERSIONS[1]}")]


@contextlib.contextmanager
def _given_out(cluster: NodeCluster, image: registry.Image) -> Iterator[list[str]]:
    """Give out an image to the node in place of the registry that its name names."""
    listener = cluster.listen()
    cluster.mirror(image.name.partition("/")[0], listener.getsockname()[1])
    with registry.serve(image, listener) as asked:
        yield asked


@contextlib.contextmanager
def _full(directory: Path) -> Iterator[None]:
    """Leave little room on the file system of a directory, and give it back."""
    filler = directory / "filler"
    there = os.statvfs(directory)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, there.f_bavail * there.f_frsize - LEFT)
    try:
        yield
    finally:
        filler.unlink()

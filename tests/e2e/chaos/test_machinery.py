"""What the machinery below does: a store that does not answer, a lease that is taken, a disk that is full."""

import contextlib
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from delivery_operator.runtime.settings import LEASE
from demo import install
from devcluster.cluster import Cluster
from devcluster.errors import ToolError
from devcluster.node.cluster import INIT, NodeCluster
from devcluster.node.images import read_archive
from devcluster.state import State
from tests.e2e.chaos.registry import MANIFEST, digest
from tests.support.kube import condition, wait_for
from tests.support.node import OrderShop

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

NEXT = "registry.example.com/shop/order:v1.1.0"
PORT = 5000
BULKY = f"127.0.0.1:{PORT}/shop/bulky:v1.0.0"
LAYER_BYTES = 24 * 2**20
DISK_MEGABYTES = 8
PAUSED_SECONDS, BETWEEN_SECONDS = 2.0, 0.7


def test_a_slow_etcd_delays_a_release_and_breaks_nothing(order: OrderShop) -> None:
    """Two of three seconds it does not answer: requests time out or take seconds, watches stall."""
    before = order.newest_release()["spec"]["number"]
    with order.load(rate=20) as result:
        with _slow(order.cluster, "etcd"):
            wait_for(lambda: _accepted(order, "v1.1.0"), "the upgrade to be taken", 60)
            order.wait_ready(NEXT, seconds=300)
        wait_for(lambda: not order.pods(before), "the old pods to go", 120)
    assert result["errors"] == []
    newest = order.newest_release()
    assert newest["spec"]["number"] == before + 1
    assert newest["status"]["migration"]["result"] == "Succeeded"


def test_a_lease_that_somebody_else_takes(order: OrderShop) -> None:
    """The leader stops in the middle of a release; nobody leads until the thief's time is over; then it goes on."""
    before = order.newest_release()["spec"]["number"]
    order.upgrade("v1.1.0")
    wait_for(lambda: order.service()["status"].get("phase") in {"Migrating", "RollingOut"}, "the upgrade to begin", 60)
    theft = json.dumps({"spec": {"holderIdentity": "thief"}})
    order.tools.kubectl("patch", "lease", LEASE, "-n", install.NAMESPACE, "--type=merge", "-p", theft)
    order.call()
    wait_for(order.operator_pod, "one of the operator's pods to lead again", 120)
    order.wait_ready(NEXT, seconds=180)
    newest = order.newest_release()
    assert newest["spec"]["number"] == before + 1
    job = order.get("job", f"{newest['metadata']['name']}-migrate")
    assert job["metadata"]["uid"] == newest["status"]["migration"]["uid"]
    assert job["status"]["succeeded"] == 1
    order.call()


def test_an_image_that_does_not_fit_on_the_disk(order: OrderShop, peer_image: Path, tmp_path: Path) -> None:
    """A real pull from a real registry on the node, into a disk with too little room; then there is room."""
    cluster = order.cluster
    if not isinstance(cluster, NodeCluster):
        pytest.fail("this test fills the disk of a node of its own: use --cluster-provider node")
    bulky = {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryService",
        "metadata": {"name": "bulky"},
        "spec": {
            "image": BULKY,
            "codebase": {"repository": "https://git.example.com/shop/bulky", "revision": "v1.0.0"},
            "processes": {"peer": {"command": ["/peer", "serve"]}},
        },
    }
    try:
        with _registry(cluster, peer_image, tmp_path):
            with _full_disk(cluster):
                order.kubectl("apply", "-f", "-", manifest=json.dumps(bulky))
                wait_for(lambda: _says(order, "no space left on device"), "the cause", 120, order.explain)
            order.kubectl("wait", "--for=condition=Ready", "deliveryservice/bulky", "--timeout=240s")
    finally:
        order.kubectl("delete", "deliveryservice", "bulky", "--ignore-not-found")


def _accepted(order: OrderShop, version: str) -> bool:
    """Ask for a version; whether the API server answered, which it may not while its store does not."""
    with contextlib.suppress(ToolError):
        order.upgrade(version)
        return True
    return False


def _says(order: OrderShop, text: str) -> bool:
    ready = condition(order.get("deliveryservice", "bulky"), "Ready")
    return ready.get("reason") == "ImagePullFailed" and text in ready["message"]


@contextlib.contextmanager
def _slow(cluster: Cluster, component: str) -> Iterator[None]:
    """Let a component answer for a moment in every three seconds only."""
    over = threading.Event()

    def keep_pausing() -> None:
        while not over.is_set():
            cluster.pause_component(component)
            over.wait(PAUSED_SECONDS)
            cluster.resume_component(component)
            over.wait(BETWEEN_SECONDS)

    pausing = threading.Thread(target=keep_pausing, name=f"slow {component}")
    pausing.start()
    try:
        yield
    finally:
        over.set()
        pausing.join()


@contextlib.contextmanager
def _full_disk(cluster: NodeCluster) -> Iterator[None]:
    """Give what containerd downloads a disk of a few megabytes."""
    downloads = cluster.directory / "containerd" / "io.containerd.content.v1.content" / "ingest"
    downloads.mkdir(parents=True, exist_ok=True)
    inside = ["nsenter", "--mount", f"--target={_init(cluster)}"]
    size = f"size={DISK_MEGABYTES}m"
    subprocess.run([*inside, "mount", "-t", "tmpfs", "-o", size, "full", str(downloads)], check=True)
    try:
        yield
    finally:
        # Lazily: a download may still hold a file open there.
        subprocess.run([*inside, "umount", "--lazy", str(downloads)], check=True)


@contextlib.contextmanager
def _registry(cluster: NodeCluster, peer_image: Path, folder: Path) -> Iterator[None]:
    """Serve the image inside the node's network: nothing outside of it is asked."""
    manifest, blobs = _write_image(peer_image, folder)
    program = [sys.executable, str(Path(__file__).with_name("registry.py")), str(PORT), str(manifest), *map(str, blobs)]
    inside = ["nsenter", "--net", f"--target={_init(cluster)}", *program]
    with subprocess.Popen(inside, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "serving\n"
            yield
        finally:
            server.terminate()


def _write_image(peer_image: Path, folder: Path) -> tuple[Path, list[Path]]:
    """Make an OCI image of the peer program and a layer that does not compress; its manifest and its blobs."""
    (configuration,) = read_archive(peer_image).digests.values()
    with tarfile.open(peer_image) as archive:
        config = json.loads(_read(archive, f"{configuration}.json"))
        program = _read(archive, "layer.tar")
    ballast = io.BytesIO()
    with tarfile.open(fileobj=ballast, mode="w") as tar:
        info = tarfile.TarInfo("ballast")
        info.size = LAYER_BYTES
        tar.addfile(info, io.BytesIO(os.urandom(LAYER_BYTES)))
    layers = [program, ballast.getvalue()]
    config["rootfs"]["diff_ids"] = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    packed = [gzip.compress(layer, compresslevel=1) for layer in layers]
    settings = json.dumps(config).encode()
    described = [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(layer), "size": len(layer)}
        for layer in packed
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(settings),
            "size": len(settings),
        },
        "layers": described,
    }
    files = []
    for number, content in enumerate([settings, *packed]):
        file = folder / f"blob-{number}"
        file.write_bytes(content)
        files.append(file)
    written = folder / "manifest.json"
    written.write_text(json.dumps(manifest))
    return written, files


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None, name
    return file.read()


def _init(cluster: NodeCluster) -> int:
    state = State.load(cluster.directory)
    assert state is not None
    return state.processes[INIT].pid

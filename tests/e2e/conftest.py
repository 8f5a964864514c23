"""What tests with real pods share: an image with one small program, and the order service.

The order service is made as by the demo: images from this working tree, the chart, PostgreSQL, and the service Ready.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import backing, images
from devcluster.binaries import Pins
from devcluster.cluster import Cluster
from devcluster.console import Silent
from devcluster.home import Home
from devcluster.node.cluster import NodeCluster
from devcluster.node.images import write_program_image
from devcluster.toolchain import find_go
from tests.support.node import OrderShop, open_shop

PEER = "devcluster-peer:1"


@pytest.fixture(scope="session")
def peer_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of an image with nothing but /peer."""
    go = find_go(Home.default(), Pins.read().go, Silent())
    directory = tmp_path_factory.mktemp("peer")
    source = Path(__file__).parent / "devcluster/peer/main.go"
    environment = {"CGO_ENABLED": "0", "HOME": str(Path.home()), "PATH": str(go.parent)}
    subprocess.run([go, "build", "-o", directory / "peer", source], check=True, env=environment)
    archive = directory / "peer.tar"
    write_program_image(archive, PEER, directory / "peer")
    return archive


@pytest.fixture(scope="session")
def order_shop(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> OrderShop:
    """The demo's steps, with a short resync."""
    servers = backing.images(["order"]) if isinstance(cluster, NodeCluster) else []
    built = images.Builds(["order"], servers).finished(Silent())
    return open_shop(cluster, built, tmp_path_factory.mktemp("order-shop") / "tools.log")


@pytest.fixture
def order(order_shop: OrderShop) -> Iterator[OrderShop]:
    """The order service as the example has it, Ready."""
    order_shop.restore()
    yield order_shop
    order_shop.clean_up()

"""All five services, released as the demo does it."""

from collections.abc import Iterator

import pytest

from demo import backing, images
from demo.__main__ import FULL
from devcluster.cluster import Cluster
from devcluster.console import Silent
from devcluster.node.cluster import NodeCluster
from tests.support.faults.sample import EVERYTHING, SEED
from tests.support.whole_shop import ROLLED, WholeShop, open_whole_shop


@pytest.fixture(scope="session")
def opened(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> WholeShop:
    servers = backing.needed(FULL) if isinstance(cluster, NodeCluster) else []
    backing_images = [image for each in servers for image in each.images]
    built = images.Builds(FULL, backing_images, upgraded=ROLLED).finished(Silent())
    return open_whole_shop(cluster, built, tmp_path_factory.mktemp("whole-shop") / "tools.log")


@pytest.fixture
def whole(opened: WholeShop) -> Iterator[WholeShop]:
    """Every service Ready."""
    opened.wait_ready()
    yield opened
    opened.clean_up()


@pytest.fixture
def orders() -> int:
    """How many orders customers place under disturbances."""
    return 2000 if EVERYTHING else 200


@pytest.fixture
def seed() -> int:
    """Which pods are killed."""
    return SEED

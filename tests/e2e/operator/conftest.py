"""The order service on real pods: images from this working tree, the chart, PostgreSQL, and the service Ready."""

from collections.abc import Iterator

import pytest

from demo import images, install, shop
from demo.tools import Tools
from devcluster.cluster import Cluster
from devcluster.console import Silent
from devcluster.node.cluster import NodeCluster
from tests.support.node import OrderShop

RESYNC_SECONDS = 15


@pytest.fixture(scope="session")
def order_shop(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> OrderShop:
    """The demo's steps, with a short resync."""
    tools = Tools(cluster, tmp_path_factory.mktemp("order-shop") / "tools.log")
    built = images.Builds(postgres=isinstance(cluster, NodeCluster)).finished(Silent())
    for image in built:
        cluster.load_docker_image(str(image.archive))
    install.install(tools, built[0], {"resyncSeconds": str(RESYNC_SECONDS)})
    shop.prepare(tools)
    shop.start_postgres(tools)
    return OrderShop(cluster, tools)


@pytest.fixture
def order(order_shop: OrderShop) -> Iterator[OrderShop]:
    """The order service as the example has it, Ready."""
    order_shop.restore()
    yield order_shop
    order_shop.clean_up()

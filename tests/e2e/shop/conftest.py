"""All five services, released as the demo does it; what takes long is left to `make test-faults`."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo import backing, images
from demo.__main__ import FULL
from devcluster.cluster import Cluster
from devcluster.console import Silent
from devcluster.node.cluster import NodeCluster
from tests.support.faults.sample import EVERYTHING, SEED
from tests.support.whole_shop import ROLLED, WholeShop, open_whole_shop

LONG = Path(__file__).with_name("test_disturbed.py")
"""Many minutes under load."""
TOLD = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, unless it was asked for by name."""
    if EVERYTHING or config.option.keyword or any("::" in each or LONG.name in each for each in config.args):
        return
    left_out = [item for item in items if item.path == LONG]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def opened(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> WholeShop:
    servers = backing.images(FULL) if isinstance(cluster, NodeCluster) else []
    built = images.Builds(FULL, servers, upgraded=ROLLED).finished(Silent())
    return open_whole_shop(cluster, built, tmp_path_factory.mktemp("whole-shop") / "tools.log")


@pytest.fixture
def whole(opened: WholeShop) -> Iterator[WholeShop]:
    """Every service Ready."""
    opened.wait_ready()
    yield opened
    opened.clean_up()


@pytest.fixture
def orders() -> int:
    """How many orders customers place under disturbances; ORDERS=200 is a quick look."""
    return int(os.environ.get("ORDERS", "2000"))


@pytest.fixture
def seed() -> int:
    """Which pods are killed."""
    return SEED


@pytest.fixture
def tell(
    pytestconfig: pytest.Config, record_testsuite_property: Callable[[str, object], None]
) -> Callable[[str, object], None]:
    """Say what was counted: at the end of the run, and in its report."""

    def told(name: str, value: object) -> None:
        record_testsuite_property(name, value)
        pytestconfig.stash.setdefault(TOLD, []).append(f"{name}: {value}")

    return told


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print it."""
    for line in config.stash.get(TOLD, []):
        terminalreporter.write_line(line)

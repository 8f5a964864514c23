"""Which of the chaos is run: all of it by `make test-faults`, a seeded part by `make test`."""

from pathlib import Path

import pytest

from tests.support.faults.sample import EVERYTHING, SEED, part

HERE = Path(__file__).parent
PART = 2
UPGRADES = 30
LONG = HERE / "test_many_upgrades.py"
"""Minutes under load: left to the whole run."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out all but a few of the tests marked chaos, unless they were asked for by name."""
    if EVERYTHING or config.option.keyword or any("::" in argument for argument in config.args):
        return
    chaos = [item for item in items if item.path.is_relative_to(HERE) and item.get_closest_marker("chaos")]
    chosen = part(chaos, PART, "chaos")
    left_out = [item for item in items if item.path == LONG or (item in chaos and item not in chosen)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def upgrades() -> int:
    return UPGRADES


@pytest.fixture(scope="session")
def seed() -> int:
    return SEED

"""What every test shares: its folder under tests/ is its marker, and tells how long it may take."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SECONDS = {"unit": 60, "examples": 900, "integration": 300, "faults": 3600, "e2e": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not item.path.is_relative_to(TESTS):
            continue
        kind = item.path.relative_to(TESTS).parts[0]
        if kind not in SECONDS:
            raise pytest.UsageError(f"{item.path}: put the test into one of {', '.join(SECONDS)}")
        item.add_marker(getattr(pytest.mark, kind))
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS[kind]))

"""X-9: the layers of the example services, as `make check` holds those of the operator.

The domain knows the standard library alone; the rules of the business know neither how they are asked nor where is kept
what they decide; transport and storage do not know each other.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PACKAGES = sorted(EXAMPLES.glob("*/src/*_service"))
DRIVERS = {"aio_pika", "aiokafka", "fastapi", "grpc", "pymongo", "redis", "sqlalchemy", "stripe"}
BUSINESS = ("service", "saga", "logins", "dispatch", "telling", "tracking")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def name(package: Path) -> str:
    return package.name


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_the_domain_knows_the_standard_library_alone(package: Path) -> None:
    foreign = {each for each in imported(package / "domain.py") if each.split(".")[0] not in sys.stdlib_module_names}
    assert foreign <= {f"{package.name}.errors"}


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_the_business_layer_knows_no_driver(package: Path) -> None:
    modules = [package / f"{each}.py" for each in BUSINESS if (package / f"{each}.py").exists()]
    # The notification service's dispatch is the process itself, not a rule.
    rules = [each for each in modules if (package.name, each.stem) != ("notification_service", "dispatch")]
    assert rules
    for path in rules:
        found = set(imported(path))
        assert not {each for each in found if each.split(".")[0] in DRIVERS}, path
        assert not {each for each in found if each.startswith((f"{package.name}.transport", f"{package.name}.storage"))}


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_transport_and_storage_do_not_know_each_other(package: Path) -> None:
    for one, other in (("transport", "storage"), ("storage", "transport")):
        for path in (package / one).glob("*.py"):
            assert not {each for each in imported(path) if each.startswith(f"{package.name}.{other}")}, path

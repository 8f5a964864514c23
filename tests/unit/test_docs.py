"""The documentation and what it is about are in step: links, make targets, metrics, chart values."""

import re
from pathlib import Path

import pytest
import yaml

from delivery_operator.runtime.metrics import Metrics

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_make_targets_exist(page: Path) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z0-9-]*)", page.read_text(), re.MULTILINE))

    assert named - TARGETS == set()


def test_help_lists_every_target_with_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text()
    asked_for = {
        *(
            "demo",
            "demo-down",
            "test",
            "test-unit",
            "test-integration",
            "test-e2e",
            "check",
            "generate",
            "golden",
            "run",
        ),
        *("cluster-up", "cluster-down", "cluster-status", "help"),
    }

    assert asked_for - set(re.findall(r"^([a-z][a-z0-9-]*):.*## \S", text, re.MULTILINE)) == set()


def test_every_metric_is_documented_and_the_other_way_round() -> None:
    counters = {family.name: family.type for family in Metrics().registry.collect()}
    ours = {
        f"{name}_total" if kind == "counter" else name
        for name, kind in counters.items()
        if name.startswith("delivery_operator_")
    }
    documented = set(re.findall(r"delivery_operator_[a-z_]+", (ROOT / "docs/operations.md").read_text()))

    assert documented == ours


def test_documented_chart_values_exist() -> None:
    values = yaml.safe_load((ROOT / "charts/delivery-operator/values.yaml").read_text())
    table = re.findall(r"^\| (`[^|]+`) \|", (ROOT / "docs/install.md").read_text(), re.MULTILINE)

    for path in re.findall(r"`([^`]+)`", " ".join(table)):
        node = values
        for part in path.split("."):
            assert part in node, path
            node = node[part]

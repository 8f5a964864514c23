"""The documentation and what it is about are in step: links, make targets, reasons, tests, alerts, chart values."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from delivery_operator.api.reasons import ENVIRONMENT, EVENTS, OTHERS, PROBLEMS, STANDING, TASK
from delivery_operator.cluster.resources import RESOURCES
from delivery_operator.runtime.metrics import Metrics
from tests.support.pages import Block, Use, pages

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCKS = [block for page in pages() for block in page.blocks]
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
TESTS = {
    name
    for place in ("tests/**/test_*.py", "examples/*/tests/test_*.py")
    for path in ROOT.glob(place)
    for name in re.findall(r"def (test_\w+)", path.read_text())
}

PACKAGE = ROOT / "operator/delivery_operator"
REASONS_ARE_IN = [
    *PACKAGE.glob("engine/*.py"),
    *PACKAGE.glob("render/needs.py"),
    *PACKAGE.glob("cluster/environments.py"),
]
OTHER_WORDS = {
    "Lease",
    *("True", "False", "Missing", "KeyMissing", "History"),  # states of conditions, parts of reasons, a type
    *("Ready", "DisruptionTarget", "TerminationByKubelet", "ContainerStatusUnknown", "Unknown"),
    *(each.kind for each in RESOURCES),
    *("Normal", "Warning"),  # types of Events
    *("ReplicaSet", "PodScheduled", "ReplicaFailure", "Progressing", "ProgressDeadlineExceeded", "Unschedulable"),
    *("Complete", "SuccessCriteriaMet", "Failed", "DeadlineExceeded", "OOMKilled"),
    *("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable"),
    *("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"),
    *("StartError", "ContainerCannotRun", "PodInitializing", "ReadinessGatesNotReady"),
}
"""Words in the engine that are no reasons of ours: most are kinds, conditions and reasons of Kubernetes."""


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`|<code>.*?</code>", "", page.read_text())
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_make_targets_exist(page: Path) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z0-9-]*)", page.read_text(), re.MULTILINE))

    assert named - TARGETS == set()


def test_help_lists_every_target_with_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text()
    asked_for = {
        *("demo", "demo-down", "test", "test-unit", "test-integration", "test-e2e", "check", "generate", "golden"),
        *("run", "docs", "docs-serve", "cluster-up", "cluster-down", "cluster-status", "help"),
    }

    assert asked_for - set(re.findall(r"^([a-z][a-z0-9-]*):.*## \S", text, re.MULTILINE)) == set()


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_every_block_is_of_a_known_kind(block: Block) -> None:
    assert block.use in Use


def test_blocks_are_run_and_not_only_shown() -> None:
    """Whatever is left to another test names it, and most are not left to any."""
    uses = Counter(block.use for block in BLOCKS)
    left = [block.attributes["elsewhere"].split("::")[1] for block in BLOCKS if block.use is Use.ELSEWHERE]

    assert set(left) - TESTS == set()
    assert uses[Use.RUN] + uses[Use.TRANSCRIPT] > 4 * uses[Use.ELSEWHERE]


def test_every_reason_is_documented() -> None:
    said = {word for path in REASONS_ARE_IN for word in _words(path)}
    others = (reason for reasons in OTHERS.values() for reason in reasons)
    documented = {*STANDING, *PROBLEMS, *ENVIRONMENT, *TASK, *EVENTS, *others}

    assert said - documented - OTHER_WORDS == set()


def _words(path: Path) -> set[str]:
    """Every string in a module that is one word in CamelCase."""
    strings = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    return {each for each in strings if isinstance(each, str) and re.fullmatch(r"[A-Z][a-z]+[A-Za-z]*", each)}


def test_tests_that_hold_the_factors_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/explanation/twelve-factors.md").read_text()))

    assert named
    assert named - TESTS == set()


def test_metrics_that_are_written_about_exist() -> None:
    counters = {family.name: family.type for family in Metrics().registry.collect()}
    ours = {f"{name}_total" if kind == "counter" else name for name, kind in counters.items()}
    ours |= {f"{name}_bucket" for name, kind in counters.items() if kind == "histogram"}
    written = {name for page in PAGES for name in re.findall(r"delivery_operator_[a-z_]+[a-z]", page.read_text())}

    assert written - ours == set()


def test_documented_chart_values_exist() -> None:
    values = yaml.safe_load((ROOT / "charts/delivery-operator/values.yaml").read_text())
    table = re.findall(r"^\| (`[^|]+`) \|", (ROOT / "docs/how-to/install.md").read_text(), re.MULTILINE)

    for path in re.findall(r"`([^`]+)`", " ".join(table)):
        node = values
        for part in path.split("."):
            assert part in node, path
            node = node[part]

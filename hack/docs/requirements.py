"""What the platform's documents ask for, item by item, and which tests prove it.

The items and what is said of those that no test proves are in requirements.yaml. The tests name the items that they
prove, in a docstring or a comment: in their module's for the whole file, in their own for themselves.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field

from docs.markdown import code, page, prose, table

LIST: Final = Path("hack/docs/requirements.yaml")
PAGE: Final = Path("docs/requirements-status.md")
TESTS: Final = ("examples/*/tests/**/test_*.py", "tests/**/test_*.py")

Proofs = Mapping[str, list[Path]]
"""The files that name each item, relative to the repository's root."""


class BadRequirements(Exception):
    """The list and the tests do not belong together; says each place and the remedy."""


class Item(BaseModel):
    """One thing that is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asks: str = Field(min_length=1)
    reason: str = ""
    """Why no test proves it, or where what the tests leave open is proven or decided."""


class Section(BaseModel):
    """The items of one prefix."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    items: dict[str, Item]


def read(root: Path) -> dict[str, Section]:
    """The list: sections by prefix."""
    return {prefix: Section(**section) for prefix, section in yaml.safe_load((root / LIST).read_text()).items()}


def proofs(root: Path, prefixes: Iterable[str]) -> Proofs:
    """What the tests name."""
    found: dict[str, list[Path]] = {}
    for path in sorted({path for pattern in TESTS for path in root.glob(pattern) if ".venv" not in path.parts}):
        for item in sorted(set(named(path.read_text(), prefixes))):
            found.setdefault(item, []).append(path.relative_to(root))
    return found


def named(source: str, prefixes: Iterable[str]) -> Iterator[str]:
    """The items that a module names in docstrings and comments; `MQ-1..3` and `MQ-1..MQ-3` are three."""
    pattern = re.compile(rf"\b({'|'.join(prefixes)})-(\d+)(?:\.\.(?:\1-)?(\d+))?\b")
    for prefix, first, last in pattern.findall("\n".join(_said(source))):
        for number in range(int(first), int(last or first) + 1):
            yield f"{prefix}-{number}"


def _said(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def problems(sections: Mapping[str, Section], proven: Proofs) -> Iterator[str]:
    """What is wrong with the list and the tests, each with the remedy."""
    listed: dict[str, Item] = {}
    for prefix, section in sections.items():
        for name in section.items:
            if not re.fullmatch(rf"{prefix}-\d+", name):
                yield f"{LIST}: {name} is in section {prefix}: name it {prefix}- and a number"
        listed |= section.items
    for name, item in listed.items():
        if not item.reason and name not in proven:
            yield f"{LIST}: {name} has no proof: name it in the test that proves it, or give the reason why none does"
    for name, paths in proven.items():
        if name not in listed:
            yield f"{paths[0]}: names {name}, which is not in {LIST}: mend the name or add the item"


def requirements_page(root: Path) -> str:
    """The page of requirements.

    Raises:
        BadRequirements: an item has neither a test nor a reason, or a test names an item that there is not.
    """
    sections = read(root)
    proven = proofs(root, sections)
    wrong = sorted(problems(sections, proven))
    if wrong:
        raise BadRequirements("\n".join(wrong))
    return page(
        "Requirements and their proofs",
        f"{LIST} and the tests",
        "What the platform's documents ask of services and of the platform, each item in one line, and the tests that "
        "prove it. A test names the items that it proves in its docstring. Where no test does, or not all of it, the "
        "reason stands there.",
        table(("", "items", "named by tests", "a reason only"), (_count(*each, proven) for each in sections.items())),
        *(part for prefix, section in sections.items() for part in _section(prefix, section, proven)),
    )


def _count(prefix: str, section: Section, proven: Proofs) -> tuple[str, ...]:
    by_tests = sum(name in proven for name in section.items)
    title = f"[{prefix}](#{prefix.lower()}) {prose(section.title)}"
    return (title, *(str(number) for number in (len(section.items), by_tests, len(section.items) - by_tests)))


def _section(prefix: str, section: Section, proven: Proofs) -> Iterator[str]:
    yield f"## {prefix}"
    yield f"{prose(section.title)}."
    rows = [
        (code(name), prose(item.asks), _proof(proven.get(name, []), item.reason))
        for name, item in section.items.items()
    ]
    yield table(("", "what is asked", "proven by, or why not"), rows)


def _proof(paths: Iterable[Path], reason: str) -> str:
    links = ", ".join(f"[{_short(path)}](../{path})" for path in paths)
    return ". ".join(part for part in (links, prose(reason)) if part)


def _short(path: Path) -> str:
    """As short as it is still told from others: the service or kind of test, and the subject."""
    return f"{path.parts[1]} {path.stem.removeprefix('test_')}"

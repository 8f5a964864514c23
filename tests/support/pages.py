"""The documentation's pages and their fenced blocks; CONTRIBUTING.md tells writers where to look.

| fence | what a test does with it |
|---|---|
| `yaml` | Kubernetes objects, whole: the API server takes them (server-side dry run, strict fields) |
| `yaml {fragment="DeliveryService.spec.config"}` | part of an object: taken when it is put there, in one that is well |
| `yaml {values="values.yaml"}` | values of the operator's chart, in a file: helm renders it with them |
| `yaml {absent="argocd"}` | objects of an API that no test cluster serves: held against what is known of it |
| `sh` | run, in the page's one bash, in order; a command that fails fails the test |
| `console` | a transcript: its `$` lines are run, and what follows them is what they print |
| `sh {elsewhere="tests/…::test_name"}` | not run here: the test that is named does what the block does |
| `mermaid`, `text` | shown only |

A `title="order.yaml"` makes a YAML block a file of the reader's folder, for the commands that follow. `fails` on a `sh`
or `console` block: its last command has to fail. Anything else is an error of the page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
_FENCE = re.compile(r"^(?P<indent>[ ]*)(?P<ticks>`{3,})(?P<language>[a-z]*)[ ]*(?:\{(?P<attributes>[^}]*)\})?[ ]*$")
_ATTRIBUTE = re.compile(r'([a-z][a-z-]*)(?:="([^"]*)")?')
_FRONT_MATTER = re.compile(r"\A---\n(.*?\n)---\n", re.DOTALL)


class Use(StrEnum):
    """What is done with a block."""

    OBJECTS = "objects applied"
    FRAGMENT = "fragments applied"
    VALUES = "values rendered"
    ABSENT = "objects of absent APIs"
    RUN = "scripts run"
    TRANSCRIPT = "transcripts run"
    ELSEWHERE = "left to another test"
    SHOWN = "shown only"


class BadBlock(Exception):
    """A block that is of no known kind: mend the page."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    attributes: dict[str, str]
    text: str

    @property
    def place(self) -> str:
        """Where it is, as editors and pytest write it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def fails(self) -> bool:
        """Whether its last command has to fail."""
        return "fails" in self.attributes

    @property
    def use(self) -> Use:
        """What is done with it.

        Raises:
            BadBlock: nothing is known to be done with a block of this kind.
        """
        names = frozenset(self.attributes)
        for language, needed, allowed, use in _USES:
            if self.language == language and needed <= names <= needed | allowed:
                return use
        written = " ".join(sorted(names)) or "no attributes"
        raise BadBlock(f"{self.place}: no test knows a block of {self.language or 'no language'} with {written}")


_NONE: frozenset[str] = frozenset()
_USES: Final = (
    ("yaml", _NONE, frozenset({"title"}), Use.OBJECTS),
    ("yaml", frozenset({"fragment"}), frozenset({"title"}), Use.FRAGMENT),
    ("yaml", frozenset({"values"}), _NONE, Use.VALUES),
    ("yaml", frozenset({"absent"}), frozenset({"title"}), Use.ABSENT),
    ("sh", _NONE, frozenset({"fails"}), Use.RUN),
    ("console", _NONE, frozenset({"fails"}), Use.TRANSCRIPT),
    ("sh", frozenset({"elsewhere"}), _NONE, Use.ELSEWHERE),
    ("console", frozenset({"elsewhere"}), _NONE, Use.ELSEWHERE),
    ("mermaid", _NONE, _NONE, Use.SHOWN),
    ("text", _NONE, _NONE, Use.SHOWN),
)


@dataclass(frozen=True)
class Page:
    """One page: what is there before its first block, and its blocks."""

    path: Path
    starts: str
    blocks: tuple[Block, ...]

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))


def pages() -> list[Page]:
    """Every page a reader may follow: README.md and docs/."""
    return [read(path) for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]]


def read(path: Path) -> Page:
    """Read one page. Its front matter may say what it starts from (`starts: order`); nothing means `operator`."""
    text = path.read_text()
    front = _FRONT_MATTER.match(text)
    matter: dict[str, Any] = yaml.safe_load(front.group(1)) if front else {}
    return Page(path, matter.get("starts", "operator"), tuple(_blocks(path, text)))


def _blocks(path: Path, text: str) -> Iterator[Block]:
    opened: re.Match[str] | None = None
    start, lines = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        found = _FENCE.match(line)
        if opened is None:
            if found:
                opened, start, lines = found, number, []
            elif line.lstrip().startswith("```"):
                raise BadBlock(f"{path.relative_to(ROOT)}:{number}: this fence cannot be read: {line.strip()}")
            continue
        if found and found["ticks"] == opened["ticks"] and not found["language"] and found["attributes"] is None:
            body = "\n".join(each.removeprefix(opened["indent"]) for each in lines) + "\n"
            yield Block(path, start, opened["language"], _attributes(opened["attributes"]), body)
            opened = None
        else:
            lines.append(line)
    if opened is not None:
        raise BadBlock(f"{path.relative_to(ROOT)}:{start}: the block has no end")


def _attributes(text: str | None) -> dict[str, str]:
    return dict(_ATTRIBUTE.findall(text or ""))

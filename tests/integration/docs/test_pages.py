"""Every block of README.md and docs/ is true: objects are taken, scripts and transcripts run, as a reader would.

Kinds of blocks are in tests/support/pages.py. Pages share a cluster, so one worker reads them all (--dist loadfile).
"""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.cluster import Cluster
from devcluster.errors import ToolError
from tests.support.absent import problems
from tests.support.chart import render
from tests.support.pages import ROOT, Block, Page, Use, pages
from tests.support.reading import Desk, desk
from tests.support.shell import missing_line, steps

DRY_RUN = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "-f", "-")
PAGES = [page for page in pages() if {block.use for block in page.blocks} - {Use.SHOWN}]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_page(page: Page, reading_room: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with desk(reading_room, tmp_path, page.starts) as place:
        for block in page.blocks:
            try:
                DOING[block.use](place, block)
            except (AssertionError, ToolError) as error:
                pytest.fail(f"{block.place}: {error}", pytrace=False)
    counts = Counter(block.use for block in page.blocks)
    left = [
        f"  {block.place} to {block.attributes['elsewhere']}" for block in page.blocks if block.use is Use.ELSEWHERE
    ]
    with capsys.disabled():
        sys.stdout.write(f"\n{page}: {', '.join(f'{number} {use}' for use, number in sorted(counts.items()))}\n")
        sys.stdout.writelines(f"{line}\n" for line in left)


def _objects(place: Desk, block: Block) -> None:
    found = [each for each in yaml.safe_load_all(block.text) if each]
    assert found, "no object"
    for each in found:
        assert {"apiVersion", "kind", "metadata"} <= each.keys(), "not a whole object: say what it is a fragment of"
    _namespaces(place, found)
    place.cluster.kubectl(*DRY_RUN, input=block.text)
    _keep(place, block)


def _namespaces(place: Desk, objects: list[Any]) -> None:
    """Make the namespaces of objects: a dry run needs them."""
    for name in {each["metadata"].get("namespace") for each in objects} - {None, "default"}:
        if place.kube.find("Namespace", None, name) is None:
            place.make_namespace(name)


def _fragment(place: Desk, block: Block) -> None:
    kind, *path = block.attributes["fragment"].split(".")
    whole = place.base(kind)
    part: Any = yaml.safe_load(block.text)
    for step in reversed(path):
        part = {step: part}
    place.cluster.kubectl(*DRY_RUN, input=yaml.safe_dump(_merged(whole, part)))
    _keep(place, block)


def _merged(base: Any, part: Any) -> Any:
    """Merge as a JSON merge patch does (RFC 7396): null takes a field away."""
    if not isinstance(part, dict):
        return part
    kept = base if isinstance(base, dict) else {}
    merged = kept | {name: _merged(kept.get(name), value) for name, value in part.items()}
    return {name: value for name, value in merged.items() if value is not None}


def _values(place: Desk, block: Block) -> None:
    file = place.shell.folder / block.attributes["values"]
    file.write_text(block.text)
    assert render("--values", str(file))


def _absent(place: Desk, block: Block) -> None:
    assert problems(block.attributes["absent"], list(yaml.safe_load_all(block.text))) == []
    _keep(place, block)


def _run(place: Desk, block: Block) -> None:
    place.shell.run(block.text, fails=block.fails)


def _transcript(place: Desk, block: Block) -> None:
    commands = steps(block.text)
    for number, (command, expected) in enumerate(commands, 1):
        printed = place.shell.run(command, fails=block.fails and number == len(commands))
        missing = missing_line(expected, printed)
        assert missing is None, f"`{command}` does not print\n  {missing}\nbut\n{printed}"


def _elsewhere(_: Desk, block: Block) -> None:
    path, name = block.attributes["elsewhere"].split("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text(), f"there is no test {name} in {path}"


def _shown(_: Desk, block: Block) -> None:
    assert block.text.strip(), "an empty block"


def _keep(place: Desk, block: Block) -> None:
    if "title" in block.attributes:
        (place.shell.folder / block.attributes["title"]).write_text(block.text)


DOING: dict[Use, Callable[[Desk, Block], None]] = {
    Use.OBJECTS: _objects,
    Use.FRAGMENT: _fragment,
    Use.VALUES: _values,
    Use.ABSENT: _absent,
    Use.RUN: _run,
    Use.TRANSCRIPT: _transcript,
    Use.ELSEWHERE: _elsewhere,
    Use.SHOWN: _shown,
}

"""Writes a service's folder from the template in templates/service, by copier.

The folder is made beside its place and then renamed, so that it is there as a whole or not at all. What it is
asked for is checked in delivery_operator.cli.newservice.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from delivery_operator.render.bundle import packaged

ANSWERS: Final = ".copier-answers.yml"
Answers = Mapping[str, Any]

_SKELETON: Final = "skeleton"
_SLICE: Final = "slice"


def answers(template: str) -> dict[str, Any]:
    """Return what a template answers by itself."""
    found: dict[str, Any] = yaml.safe_load((_source() / "answers" / f"{template}.yml").read_text())
    return {"template": template, **found}


def skeleton(given: Answers, into: Path) -> None:
    """Write the files that the template owns, over what is there of these names."""
    _copy(_SKELETON, given, into)


def write(given: Answers, place: Path, check: Callable[[Path], None]) -> None:
    """Write a whole service: the skeleton, and something small on it that works.

    Args:
        given: the answers, with `template`, `name`, `purpose` and `chassis`.
        place: an empty folder, or one that is not there yet; its parent is there.
        check: is given the folder before it gets its place; what it raises ends it.

    Raises:
        OSError: it cannot be written, or somebody has put something there meanwhile; then nothing is left of it.
    """
    beside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        made = beside / place.name
        for part in (_SKELETON, _SLICE, given["template"]):
            _copy(part, given, made)
        check(made)
        os.replace(made, place)  # noqa: PTH105 an empty folder may be there: Path.replace says the same
    finally:
        shutil.rmtree(beside)


def _source() -> Path:
    return packaged() / "service"


def _copy(part: str, given: Answers, into: Path) -> None:
    # Imported here: it takes longer than all the rest of the command line, for one command.
    from copier import Settings, run_copy  # noqa: PLC0415

    # Nothing is asked, and the user's own defaults for other templates are left out.
    options: dict[str, Any] = {"defaults": True, "quiet": True, "overwrite": True, "settings": Settings()}
    run_copy(str(_source()), into, data={**given, "part": part}, **options)

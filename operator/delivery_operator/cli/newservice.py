"""What `init --template` is asked for: read and checked before anything is written, and told what to do next."""

import os
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from delivery_operator.admission.validate import validate
from delivery_operator.api.scalars import DNS_LABEL
from delivery_operator.api.service import SERVICE_NAME_LENGTH
from delivery_operator.cli import scaffold
from delivery_operator.cli.exits import BadInput, Wrong

CHASSIS: Final = "chassis"
FROM_GIT: Final = "git+https://HOST/REPOSITORY@REVISION#subdirectory=examples/chassis"

# A user of ssh may be before the host; what follows the last @ is the revision.
_GIT: Final = re.compile(
    r'git\+(https?|ssh|file)://([^@/\s#"\\]+@)?[^@\s#"\\]*/[^@\s#"\\]+@[^@\s#"\\]+(#subdirectory=[^\s#"\\]+)?'
)
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9._+~/-]+")  # as a Dockerfile and a .dockerignore name it without quotes
# Programs that the service's environment has already, and that its own would be put in the place of.
_TAKEN: Final = frozenset(
    {"alembic", "coverage", "fastapi", "httpx", "mypy", "pip", "pytest", "python", "ruff", "typer", "uv", "uvicorn"}
)


@dataclass(frozen=True)
class Asked:
    """What the flags say.

    Attributes:
        template: one of those there are.
        name: of the service.
        into: folder to write; a folder of its name here when None.
        chassis: folder, or git+URL@REVISION#subdirectory=PATH; the folder beside the new one when None.
        begins: what deliveryservice.yaml begins with: image, namespace, environment, repository, revision.
    """

    template: str
    name: str
    into: str | None
    chassis: str | None
    begins: dict[str, str]


def begin(asked: Asked) -> None:
    """Write a whole service, and say what to do next.

    Raises:
        Wrong: a flag has a value that cannot be.
        BadInput: the folder or the chassis is not as it has to be, or admission would refuse the DeliveryService.
    """
    _check_name(asked.name)
    place = _place(asked)
    given = {
        **scaffold.answers(asked.template),
        "name": asked.name,
        **_chassis(asked.chassis, place),
        "image": f"registry.example.com/{asked.name}:v0.1.0",
        **asked.begins,
    }
    try:
        scaffold.write(given, place, _check)
    except OSError as error:
        raise BadInput(
            f"{place} cannot be written: {error.strerror or error}", "name another folder with --into"
        ) from error
    sys.stderr.write(f"wrote {place} from the template {asked.template}\n")
    sys.stderr.write(f"next: make -C {os.path.relpath(place)} test\n")


def _check_name(name: str) -> None:
    if not re.fullmatch(DNS_LABEL, name) or len(name) > SERVICE_NAME_LENGTH:
        raise Wrong(
            f"{name!r} cannot be the name of a service",
            f"use at most {SERVICE_NAME_LENGTH} lower-case letters, digits and '-', starting with a letter",
        )
    if name in _TAKEN:
        raise Wrong(f"{name} is the name of a program that the service itself needs", "choose another name")


def _place(asked: Asked) -> Path:
    place = Path(asked.into or asked.name).resolve()
    remedy = "name another folder with --into"
    if not place.parent.is_dir():
        raise BadInput(f"there is no folder {place.parent}", f"make it first, or {remedy}")
    if place == Path.cwd():
        raise BadInput(f"{place} is the folder you are in", f"go up one, or {remedy}")
    if place.exists() and not place.is_dir():
        raise BadInput(f"{place} exists and is no folder", remedy)
    if place.exists() and any(place.iterdir()):
        raise BadInput(f"{place} exists and is not empty", f"move away what is in it, or {remedy}")
    return place


def _chassis(given: str | None, place: Path) -> dict[str, str]:
    """Return the answers that say where the chassis is."""
    if given and given.startswith("git+"):
        if not _GIT.fullmatch(given):
            raise Wrong(f"--chassis {given} is no package in Git", f"write it as {FROM_GIT}")
        return {"chassis": given}
    folder = Path(given).resolve() if given else place.parent / CHASSIS
    if not _is_chassis(folder):
        raise BadInput(f"{folder} is not the chassis", f"give its folder with --chassis, or {FROM_GIT}")
    path = Path(os.path.relpath(folder, place))
    ups = path.parts.count(os.pardir)
    inside = "/".join(place.parts[-ups:])
    if ups == len(path.parts):
        raise BadInput(f"{place} is inside the chassis", "name a folder beside it with --into")
    for text in (path.as_posix(), inside):
        if not _PLAIN_PATH.fullmatch(text):
            raise Wrong(
                f"a Dockerfile cannot name {text}", "use folders of letters, digits, '.', '_', '+', '~' and '-'"
            )
    return {"chassis": path.as_posix(), "place": inside}


def _is_chassis(folder: Path) -> bool:
    try:
        project: Any = tomllib.loads((folder / "pyproject.toml").read_text()).get("project", {})
    except (OSError, ValueError):
        return False
    return bool(project.get("name") == CHASSIS)


def _check(made: Path) -> None:
    problems = validate(yaml.safe_load((made / "deliveryservice.yaml").read_text()))
    if problems:
        raise BadInput(f"deliveryservice.yaml: {problems[0]}", "give the flag another value")

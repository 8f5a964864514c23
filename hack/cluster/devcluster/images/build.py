"""The one entry: build an image unless nothing that goes into it has changed."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devcluster.console import Reporter, Silent
from devcluster.errors import UsageError
from devcluster.home import Home, remove_tree
from devcluster.images.context import fingerprint, ignore_file
from devcluster.images.engine import Engine, Request, choose_engine

# Part of every key: a change of what this package does with its inputs makes all archives anew.
FORMAT = 1
# Archives kept per image name; going back and forth between two states of a checkout builds nothing.
KEPT = 2


@dataclass(frozen=True)
class BuiltImage:
    """An image in a file that `docker load`, `kind load image-archive` and `ctr images import` can read."""

    name: str
    archive: Path
    digest: str
    """The image's id: `sha256:` and the digest of its configuration."""


def build_image(  # noqa: PLR0913 - three of them only matter to one caller each
    context: Path,
    name: str,
    *,
    dockerfile: Path | None = None,
    target: str | None = None,
    build_args: Mapping[str, str] | None = None,
    home: Home | None = None,
    reporter: Reporter | None = None,
) -> BuiltImage:
    """Build an image, or return the one that was built from the same files, arguments and bases before.

    Args:
        context: the folder that the Dockerfile copies from; what the build cannot see is in `Dockerfile.dockerignore`
            beside the Dockerfile, else in the context's own .dockerignore.
        name: the image's full name with a tag, such as `registry.example.com/shop/order:v1.0.0`.
        dockerfile: `context/Dockerfile` if not given.
        target: the stage to build, the last one if not given.
        build_args: values for the Dockerfile's ARGs.
        home: where archives and layers are kept.
        reporter: where progress goes.

    Raises:
        UsageError: there is no such Dockerfile, or the name has no tag.
        MissingProgramError: neither Docker nor buildah is there, and buildah could not be installed.
        ImageBuildError: the build failed; the text has the end of its log.
    """
    home, reporter = home or Home.default(), reporter or Silent()
    request = Request(
        context.resolve(), name, (dockerfile or context / "Dockerfile").resolve(), target, dict(build_args or {})
    )
    if not request.dockerfile.is_file():
        raise UsageError(f"There is no Dockerfile {request.dockerfile}")
    if ":" not in name.rpartition("/")[2]:
        raise UsageError(f"{name!r} has no tag: write {name}:v1.0.0, or any other tag")
    engine = choose_engine(home)
    result = home.images / "builds" / _key(request, engine)
    if (built := _known(request, result)) is not None:
        return built
    with home.lock("images", lambda: reporter.note("Waiting for another image build")):
        if (built := _known(request, result)) is not None:
            return built
        with reporter.step(f"Building {name} with {engine.name}") as step:
            for interrupted in result.parent.glob(".*"):
                remove_tree(interrupted)
            draft = result.with_name(f".{result.name}")
            draft.mkdir(parents=True)
            log = home.logs / f"image-{_slug(name)}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text("")
            engine.build(request, draft / "image.tar", log, step.update)
            remove_tree(result)
            draft.rename(result)
        (result / "name").write_text(name)
        _forget_older(home, name)
        return BuiltImage(name, result / "image.tar", _digest(result / "image.tar"))


def _key(request: Request, engine: Engine) -> str:
    inputs = {
        "format": FORMAT,
        "engine": engine.name,
        "bases": engine.bases,
        "name": request.name,
        "dockerfile": hashlib.sha256(request.dockerfile.read_bytes()).hexdigest(),
        "context": fingerprint(request.context, ignore_file(request.context, request.dockerfile)),
        "target": request.target,
        "build_args": sorted(request.build_args.items()),
    }
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:32]


def _known(request: Request, result: Path) -> BuiltImage | None:
    archive = result / "image.tar"
    if not (result / "name").is_file():  # written last
        return None
    archive.touch()  # the order in which archives are forgotten
    return BuiltImage(request.name, archive, _digest(archive))


def _digest(archive: Path) -> str:
    with tarfile.open(archive) as file:
        member = file.extractfile("manifest.json")
        assert member is not None
        config = str(json.load(member)[0]["Config"])
    # "<digest>.json" from older engines and buildah, "blobs/sha256/<digest>" from newer ones
    return "sha256:" + config.rpartition("/")[2].removesuffix(".json")


def _forget_older(home: Home, name: str) -> None:
    same = [path.parent for path in home.images.glob("builds/*/name") if path.read_text() == name]
    same.sort(key=lambda path: (path / "image.tar").stat().st_mtime, reverse=True)
    for old in same[KEPT:]:
        remove_tree(old)


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() or c in ".-" else "-" for c in name.rpartition("/")[2])

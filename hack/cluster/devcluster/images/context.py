"""What a build can see: the files of its context less those that its .dockerignore names, as one digest."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


def ignore_file(context: Path, dockerfile: Path) -> Path:
    """Where a build's rules are, if it has any: beside its Dockerfile, else in its context.

    With a file each, several images can be built from one context
    (https://docs.docker.com/build/concepts/context/#filename-and-location).
    """
    own = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    return own if own.is_file() else context / ".dockerignore"


def fingerprint(context: Path, ignore: Path) -> str:
    """A digest over path, kind, executable bit and content of every file that the build can see."""
    digest = hashlib.sha256()
    for path in visible(context, ignore):
        file = context / path
        if file.is_symlink():
            kind, content = "link", str(file.readlink()).encode()
        else:
            kind, content = "x" if os.access(file, os.X_OK) else "-", file.read_bytes()
        digest.update(f"{path}\0{kind}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def visible(context: Path, ignore: Path) -> list[str]:
    """The paths of those files, relative to the context, sorted."""
    rules = parse(ignore.read_text()) if ignore.is_file() else []
    return sorted(_walk(context, "", rules))


@dataclass(frozen=True)
class Rule:
    """One line of .dockerignore."""

    pattern: re.Pattern[str]
    includes: bool
    """Whether the line begins with "!": it takes back what lines above it have excluded."""
    prefix: str
    """The pattern up to its first wildcard."""


def parse(text: str) -> list[Rule]:
    """Read a .dockerignore file (https://docs.docker.com/build/concepts/context/#dockerignore-files)."""
    rules = []
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        includes = line.startswith("!")
        glob = line.removeprefix("!").strip().strip("/").removeprefix("./")
        rules.append(Rule(_translate(glob), includes, re.split(r"[*?\[]", glob, maxsplit=1)[0]))
    return rules


def excluded(path: str, rules: list[Rule]) -> bool:
    """Whether the rules keep a path out; the last one that matches it, or a folder above it, decides."""
    parts = path.split("/")
    ways = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    for rule in reversed(rules):
        if any(rule.pattern.fullmatch(way) for way in ways):
            return not rule.includes
    return False


def _walk(context: Path, folder: str, rules: list[Rule]) -> Iterator[str]:
    for entry in os.scandir(context / folder):
        path = f"{folder}/{entry.name}" if folder else entry.name
        out = excluded(path, rules)
        if entry.is_dir(follow_symlinks=False):
            if not out or _may_include_below(path, rules):
                yield from _walk(context, path, rules)
        elif not out and path != ".dockerignore":
            yield path


def _may_include_below(folder: str, rules: list[Rule]) -> bool:
    return any(
        rule.includes and (rule.prefix.startswith(f"{folder}/") or f"{folder}/".startswith(rule.prefix))
        for rule in rules
    )


def _translate(glob: str) -> re.Pattern[str]:
    tokens = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", glob)
    return re.compile("".join(tokens.get(p) or (p if p.startswith("[") else re.escape(p)) for p in parts))

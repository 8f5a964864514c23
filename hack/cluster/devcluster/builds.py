"""What Go makes once and the cache keeps: a folder, named by a digest of all that goes into it."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devcluster.console import Reporter, Step
from devcluster.errors import BuildError
from devcluster.home import Home, remove_tree
from devcluster.toolchain import Version, find_go, parse_version

Progress = Callable[[Path], str]
POLL_SECONDS = 0.5


def source_key(source: Path, options: object) -> str:
    """Digest of a Go module's own files and of how they are built here. `options` goes in by its repr."""
    digest = hashlib.sha256(f"{platform.machine()} {options}".encode())
    for path in sorted([*source.rglob("*.go"), *source.glob("go.*")]):
        digest.update(f"{path.relative_to(source)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def pinned_version(source: Path, module: str) -> str:
    """The version of a module that a go.mod asks for."""
    file = source / "go.mod"
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (\S+)", file.read_text(), re.MULTILINE)
    if not found:
        message = f"{file} names no {module}"
        raise ValueError(message)
    return found.group(1)


def pinned_go(source: Path) -> Version:
    """The oldest Go that a go.mod takes."""
    version = parse_version(pinned_version(source, "go"))
    assert version is not None, "go.mod's go line is a version"
    return version


def packages_built(log: Path) -> str:
    """How far `go build -v` is: it writes a line for each package."""
    packages = log.read_bytes().count(b"\n")
    return f"{packages} packages"


@dataclass(frozen=True)
class Go:
    """The go commands of one build: they run in the module's folder and write to one log."""

    program: Path
    source: Path
    log: Path
    subject: str
    reporter: Reporter

    def run(self, title: str, *arguments: str, progress: Progress | None = None) -> None:
        """Run one command as a step of this title. `progress` reads from the log how far it is.

        Raises:
            BuildError: it failed.
        """
        begun = time.monotonic()
        with self.reporter.step(title) as step, self.log.open("ab") as output:
            process = subprocess.Popen(
                [str(self.program), *arguments],
                cwd=self.source,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                while process.poll() is None:
                    self._show(step, begun, progress)
                    time.sleep(POLL_SECONDS)
            except BaseException:
                process.kill()
                process.wait()
                raise
            self._check(process.returncode, arguments)

    def answer(self, *arguments: str) -> str:
        """What a command that takes no time writes.

        Raises:
            BuildError: it failed.
        """
        with self.log.open("ab") as output:
            done = subprocess.run(
                [str(self.program), *arguments],
                cwd=self.source,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                check=False,
            )
        self._check(done.returncode, arguments)
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment, less what would make go build something else."""
        return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}

    def _check(self, code: int, arguments: tuple[str, ...]) -> None:
        if code:
            message = f"Making {self.subject} failed at `go {arguments[0]}`."
            raise BuildError(message, self.log)

    def _show(self, step: Step, begun: float, progress: Progress | None) -> None:
        elapsed = f"{time.monotonic() - begun:.0f} s"
        step.update(f"{progress(self.log)}, {elapsed}" if progress else elapsed)


@dataclass(frozen=True)
class Build:
    """One folder of the cache.

    Attributes:
        subject: what it holds, as the object of a sentence: "the Kubernetes programs".
        source: the folder of the Go module.
        directory: where the result is kept.
        proof: a file of the result; a folder without it was cleaned by hand.
        make: fills a folder.
    """

    subject: str
    source: Path
    directory: Path
    proof: str
    make: Callable[[Go, Path], None]

    @property
    def done(self) -> bool:
        """Whether the result is in the cache."""
        return (self.directory / self.proof).exists()

    def ensure(self, home: Home, reporter: Reporter) -> Path:
        """The folder with the result: from the cache, else made now. Two callers at once make it once.

        Raises:
            BuildError: it could not be made.
        """
        if self.done:
            return self.directory
        # One lock for all builds: each keeps every core busy, and the toolchain they may install is one.
        with home.lock("binaries", lambda: reporter.note(f"Another process is making {self.subject}; waiting …")):
            if not self.done:
                self._make(home, reporter)
        return self.directory

    def _make(self, home: Home, reporter: Reporter) -> None:
        program = find_go(home, pinned_go(self.source), reporter)
        home.logs.mkdir(parents=True, exist_ok=True)
        log = home.logs / f"build-{self.directory.name}.log"
        log.write_text("")
        draft = self.directory.with_name(f".{self.directory.name}")  # a folder without the dot is whole
        remove_tree(draft)
        draft.mkdir(parents=True)
        self.make(Go(program, self.source, log, self.subject, reporter), draft)
        remove_tree(self.directory)
        draft.rename(self.directory)

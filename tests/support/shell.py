"""One bash that lives as long as a page is read: what a block sets, the next one finds."""

import os
import re
import selectors
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

_SECONDS = re.compile(r"^\d+(s|m(\d+s)?|h(\d+m)?)$")
"""An age as kubectl prints it: differs at each run."""


class CommandFailed(AssertionError):
    """A command ended as it should not, or not in time; the text has all that it said."""


class Shell:
    """A bash with -e and pipefail in a folder of its own. Standard error is read as part of the output."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Start it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-eEu", "-o", "pipefail"],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._scripts = 0
        self._send("""trap 'echo "exit code $? of: $BASH_COMMAND"' ERR""")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def run(self, script: str, *, fails: bool = False, seconds: float = 120) -> str:
        """Run a script and return what it printed.

        Raises:
            CommandFailed: a command failed, or the last one did not although it has to.
        """
        self._scripts += 1
        end = f"--- end of script {self._scripts} ---"
        file = self.folder.with_name(f"script-{self._scripts}")
        file.write_text(script)
        # A script that has to fail runs in a shell of its own, else its failure would end the page.
        how = f"set +e; (set -e; source {file}); code=$?; set -e" if fails else f"source {file}; code=$?"
        self._send(f"{{ {how}; }} </dev/null; echo; echo '{end}' $code")
        output, code = self._read(end, time.monotonic() + seconds)
        if code is None or (code != 0) != fails:
            wanted = "should have failed" if fails else "failed"
            how_it_ended = "did not end in time or ended the shell" if code is None else f"exit code {code}"
            raise CommandFailed(f"{wanted} ({how_it_ended}):\n{script}\n--- it said:\n{output}")
        return output

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def _read(self, end: str, deadline: float) -> tuple[str, int | None]:
        """Read until the end mark; the exit code is None where it never came."""
        assert self._process.stdout is not None
        text = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                if not selector.select(left):
                    break
                chunk = os.read(self._process.stdout.fileno(), 65536)
                if not chunk:
                    break
                text += chunk
                found = re.search(rf"\n{re.escape(end)} (\d+)\n", text.decode(errors="replace"))
                if found:
                    return text.decode(errors="replace")[: found.start()], int(found.group(1))
        return text.decode(errors="replace"), None


def steps(transcript: str) -> list[tuple[str, list[str]]]:
    """Split a transcript into commands and the lines each prints; a command goes on after a trailing backslash."""
    found: list[tuple[str, list[str]]] = []
    for line in transcript.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and not found[-1][1] and found[-1][0].endswith("\\"):
            found[-1] = (f"{found[-1][0]}\n{line}", [])
        elif found and line.strip():
            found[-1][1].append(line)
        elif line.strip():
            raise ValueError(f"a transcript begins with a command ($ …), not with {line!r}")
    return found


def missing_line(expected: list[str], printed: str) -> str | None:
    """Return the first expected line that is not printed in its turn; None when all are.

    White space counts as such only, `…` stands for any text, and ages are all alike.
    """
    lines = iter(printed.splitlines())
    for line in expected:
        pattern = re.compile(r"\s+".join(_word(word) for word in line.split()))
        if not any(pattern.fullmatch(each.strip()) for each in lines):
            return line
    return None


def _word(word: str) -> str:
    if _SECONDS.match(word):
        return r"\d+(?:s|m(?:\d+s)?|h(?:\d+m)?)"
    return ".*".join(re.escape(part) for part in word.split("…"))

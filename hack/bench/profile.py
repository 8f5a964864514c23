"""A profile of the operator at work, by py-spy: where its time goes, as a table and as stacks for a flame graph."""

import contextlib
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

_SHOWN: Final = 45
_RATE: Final = "250"


def of(folder: Path) -> Callable[[int], AbstractContextManager[None]]:
    """What to enter with a process ID; the stacks are written into a folder when it is left."""
    return partial(_recorded, folder / "bench.stacks")


@contextlib.contextmanager
def _recorded(stacks: Path, pid: int) -> Iterator[None]:
    program = str(Path(sys.executable).parent / "py-spy")
    options = ["--format", "raw", "--rate", _RATE, "--gil", "--nonblocking", "--output", str(stacks)]
    with subprocess.Popen([program, "record", *options, "--pid", str(pid)], stdout=subprocess.DEVNULL) as recorder:
        try:
            yield
        finally:
            recorder.send_signal(signal.SIGINT)
            recorder.wait()
    sys.stderr.write("\n".join([*heaviest(stacks.read_text()), f"Stacks for a flame graph: {stacks}", ""]))


def heaviest(stacks: str) -> Iterator[str]:
    """Yield the functions in which most samples were taken, themselves and with what they called."""
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, number = line.rpartition(" ")
        frames = [frame.rpartition(":")[0] or frame for frame in stack.split(";")]
        own[frames[-1]] += int(number)
        for frame in set(frames):
            within[frame] += int(number)
    whole = own.total() or 1
    yield f"{'within':>8}{'itself':>8}"
    for frame, samples in within.most_common(_SHOWN):
        yield f"{samples / whole:>8.1%}{own[frame] / whole:>8.1%}  {frame}"

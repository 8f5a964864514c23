"""Measures how long the commands that need no cluster take as whole processes (`make bench-cli`).

Each is run a number of times, after one run that fills the bytecode cache as an installation has it. Medians are told
in milliseconds, and as a ratio to what the interpreter alone takes on this machine; beside the time on the clock, that
of the processor, which other work on the machine disturbs less.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

RUNS = 20
SERVICE = Path(__file__).resolve().parents[2] / "examples/order/deliveryservice.yaml"
COMMANDS = (
    ("--help",),
    ("init", "order", "--image", "registry.example.com/shop/order:v1.0.0"),
    ("render", str(SERVICE)),
    ("compose", str(SERVICE)),
    ("validate", str(SERVICE)),
)


@dataclass(frozen=True)
class Took:
    """Medians, in seconds."""

    clock: float
    processor: float


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = cache
        floor = measured([sys.executable, "-c", "pass"], environment)
        sys.stdout.write(f"{'':<28}{'clock':>18}{'processor':>18}\n")
        tell("python -c pass", floor, floor)
        for words in COMMANDS:
            took = measured([sys.executable, "-m", "delivery_operator.cli", *words], environment)
            tell(f"kubectl delivery {words[0]}", took, floor)


def measured(command: list[str], environment: dict[str, str]) -> Took:
    """Run a command, and return what it takes."""
    clock, processor = [], []
    for _ in range(RUNS + 1):
        used, begun = _processor(), time.perf_counter()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        clock.append(time.perf_counter() - begun)
        processor.append(_processor() - used)
    return Took(statistics.median(clock[1:]), statistics.median(processor[1:]))


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tell(what: str, took: Took, floor: Took) -> None:
    """Print one row."""
    pairs = ((took.clock, floor.clock), (took.processor, floor.processor))
    columns = "".join(f"{seconds * 1000:6.0f} ms{seconds / least:7.1f} x" for seconds, least in pairs)
    sys.stdout.write(f"{what:<28}{columns}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

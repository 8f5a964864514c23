"""Measures how long the commands that need no cluster take as whole processes (`make bench-cli`).

Each is run a number of times, after one run that fills the bytecode cache as an installation has it. Medians are told
in milliseconds, and as a ratio to what the interpreter alone takes on this machine.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
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


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = cache
        floor = median([sys.executable, "-c", "pass"], environment)
        tell("python -c pass", floor, floor)
        for words in COMMANDS:
            took = median([sys.executable, "-m", "delivery_operator.cli", *words], environment)
            tell(f"kubectl delivery {words[0]}", took, floor)


def median(command: list[str], environment: dict[str, str]) -> float:
    """Return the median of the seconds that a command takes."""
    seconds = []
    for _ in range(RUNS + 1):
        begun = time.perf_counter()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:])


def tell(what: str, seconds: float, floor: float) -> None:
    """Print one row."""
    sys.stdout.write(f"{what:<28}{seconds * 1000:6.0f} ms{seconds / floor:7.1f} x\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

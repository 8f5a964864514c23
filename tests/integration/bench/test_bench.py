"""`make bench` with a handful of services: the budgets that are counts hold on every machine, so a test holds them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SERVICES = 4


@pytest.mark.timeout(420)
def test_a_small_run_keeps_to_every_budget_that_is_a_count(tmp_path: Path) -> None:
    """Design, section 5; invariant 2. Times and memory depend on the machine, and are asserted nowhere."""
    out = tmp_path / "bench.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench", f"--services={SERVICES}", "--resync-seconds=3"),
            *(f"--out={out}", f"--cluster=bench-test-{os.getpid()}"),
        ],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'hack'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())

    counts = {budget["name"]: budget for budget in figures["budgets"] if budget["counted"]}
    assert {name for name, budget in counts.items() if not budget["met"]} == set(), counts
    assert set(counts) >= {"writes for a new service", "writes when idle", "writes of a restart"}
    for budget in figures["budgets"]:
        assert f"{budget['name']:<40}" in done.stdout

    floor, operator = figures["floor"], figures["operator"]
    assert floor["create"]["writes"] == operator["create"]["writes"], "the floor sends what the operator sends"
    assert floor["create"]["failed"] == operator["create"]["failed"] == 0
    assert figures["rotation"]["single"]["changes"] + figures["rotation"]["shared"]["services"] == SERVICES
    assert not any(event.endswith("events") for event in figures["idle"]["events_and_leases"]), "nothing to tell"

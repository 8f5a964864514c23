"""Measures what the order service's storage techniques are worth (`make bench-order`).

What each figure is and how it is taken: docs/explanation/performance.md.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import phases, table
from bench.comparison import compared
from bench.phases import Bench
from bench.servers import ROOT, DurablePostgreSQL
from bench.variants import ALL, AS_IS
from chassis_testing import program
from chassis_testing.kafka import Kafka

LOADS = ("create", "steady", "change", "worker", "relay")
STEADY_SHARE = 0.7
"""Of what the slowest variant can do: the rate at which latencies are compared."""


def main() -> None:
    """Run every load on every variant, print the table, write the figures."""
    arguments = _arguments()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        postgresql = stack.enter_context(DurablePostgreSQL.running())
        kafka = stack.enter_context(Kafka.running()) if {"worker", "relay"} & set(arguments.loads) else None
        database = postgresql.database()
        migrated = program.run("order", "migrate", DATABASE_URL=database)
        if migrated.returncode != 0:
            sys.exit(f"bench: the database has no schema: {migrated.stderr}")
        loads = dict(measure(Bench(postgresql, kafka, database.rpartition("/")[2], Path(folder)), arguments))
    figures = {
        "rounds": arguments.rounds,
        "machine": f"{os.cpu_count()} processors, Python {platform.python_version()}",
        "loads": loads,
    }
    arguments.out.write_text(json.dumps(figures, indent=1) + "\n")
    sys.stdout.write("\n".join([*table.lines(figures), "", f"All figures: {arguments.out}", ""]))


def measure(bench: Bench, arguments: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each load's figures, by its name."""
    seconds, orders = arguments.seconds, arguments.orders
    variants = [each for each in ALL if each == AS_IS or each.name in arguments.variants]

    def compare(name: str, what: str, run: Any) -> tuple[str, dict[str, Any]]:
        return name, compared(what, arguments.rounds, variants, run)

    if {"create", "steady"} & set(arguments.loads):
        created = compare("create", f"CreateOrder, {phases.CALLERS} callers", lambda each: bench.create(each, seconds))
        yield created
    if "steady" in arguments.loads:
        slowest = min(each["orders_per_second"] for each in created[1]["medians"].values())
        rate = max(1, round(slowest * STEADY_SHARE))
        yield compare("steady", f"CreateOrder, {rate} a second", lambda each: bench.steady(each, seconds, rate))
    if "change" in arguments.loads:
        what = f"UpdateStatuses, {phases.CHANGES} a call, {phases.CHANGERS} callers"
        yield compare("change", what, lambda each: bench.change(each, orders))
    if "worker" in arguments.loads:
        yield compare("worker", "worker, an event for each order", lambda each: bench.work(each, orders))
    if "relay" in arguments.loads:
        yield compare("relay", "relay, an event for each order", lambda each: bench.relay(each, seconds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each variant has its turn (default: 3)")
    parser.add_argument("--seconds", type=float, default=8, help="how long orders are made each time (default: 8)")
    parser.add_argument("--orders", type=int, default=4000, help="how many are changed each time (default: 4000)")
    parser.add_argument("--loads", nargs="+", choices=LOADS, default=LOADS, help="which ones (default: all)")
    names = [each.name for each in ALL]
    parser.add_argument("--variants", nargs="+", choices=names, default=names, help=f"besides {AS_IS.name}")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench-order.json", help="where the figures go")
    return parser.parse_args()


if __name__ == "__main__":
    main()

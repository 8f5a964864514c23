"""Lays a run's figures out for a terminal."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from bench import fleet
from bench.budgets import Budget

Figures = dict[str, Any]
MILLISECONDS = 1000


def lines(figures: Figures, budgets: Iterable[Budget]) -> Iterator[str]:
    """Yield the lines to show."""
    yield f"{figures['services']} services of {fleet.CHILDREN} children each; {figures['machine']}"
    yield ""
    yield f"{'new services':<52}{'floor':>12}{'operator':>12}{'ratio':>9}"
    yield from _beside_the_floor(figures)
    yield ""
    yield f"{'requests per new service, by verb and resource':<52}{'create':>12}{'rollout':>12}"
    yield from _requests(figures)
    yield ""
    yield from _alone(figures)
    yield ""
    yield f"{'budget':<52}{'measured':>12}{'allowed':>16}"
    for budget in budgets:
        verdict = "met" if budget.met else "NOT MET"
        yield f"{budget.name:<52}{budget.measured:>12}{budget.allowed:>16}  {verdict}"


def _beside_the_floor(figures: Figures) -> Iterator[str]:
    floor, operator = figures["floor"], figures["operator"]
    # An operator with nothing to do has used this for its start, which is no part of what a service costs.
    idle = {id(floor): 0.0, id(operator): figures["start"]["cpu_seconds"]}

    def row(name: str, stretch: str, field: str, unit: float = 1.0) -> str:
        pair = [each[stretch][field] / each["services"] * unit for each in (floor, operator)]
        return _row(name, *pair)

    yield _row("create: services/s", *(each["services"] / each["create"]["seconds"] for each in (floor, operator)))
    yield _row("create: writes/s", *(each["create"]["writes_per_second"] for each in (floor, operator)))
    cpu = (each["create"]["cpu_seconds"] - idle[id(each)] for each in (floor, operator))
    services = figures["services"]
    yield _row("create: CPU per service, ms", *(each / services * MILLISECONDS for each in cpu))
    yield row("create: API server's CPU per service, ms", "create", "api_server_cpu_seconds", MILLISECONDS)
    yield row("create: writes per service", "create", "writes")
    yield row("create: reads per service", "create", "reads")
    yield row("rollout: CPU per service, ms", "rollout", "cpu_seconds", MILLISECONDS)
    yield row("rollout: writes per service", "rollout", "writes")


def _requests(figures: Figures) -> Iterator[str]:
    """Those that grow with the number of services; LISTs, watches and discovery do not."""
    services, operator = figures["services"], figures["operator"]
    for what in ("writes_by_verb", "events_and_leases", "reads_by_verb"):
        found = [operator[stretch][what] for stretch in ("create", "rollout")]
        for request in sorted({name for each in found for name in each}):
            if not request.startswith(("list ", "watch ", "get /")):
                yield _row(request, *(each.get(request, 0) / services for each in found), ratio=False)


def _alone(figures: Figures) -> Iterator[str]:
    start, operator, restart, idle, rotation = (
        figures[each] for each in ("start", "operator", "restart", "idle", "rotation")
    )
    peaks = [each["peak_mib"] for each in (operator, restart)]
    per_service = (max(peaks) - start["peak_mib"]) * 1024 / figures["services"]
    yield _fact("start with nothing to do: CPU, s", f"{start['cpu_seconds']:.2f}")
    yield _fact("start with nothing to do: peak memory, MiB", f"{start['peak_mib']:.0f}")
    yield _fact("peak memory, MiB: new services; restart, rest", "; ".join(f"{each:.0f}" for each in peaks))
    yield _fact("peak memory per service above that, KiB", f"{per_service:.0f}")
    yield _fact("restart: CPU, s", f"{restart['cpu_seconds']:.2f}")
    yield _fact("restart: reads; writes", f"{restart['reads']}; {restart['writes']}")
    a_minute = [idle[what] * 60 / idle["seconds"] for what in ("reads", "writes")]
    every = f"idle, a resync every {figures['resync_seconds']} s"
    yield _fact(f"{every}: reads; writes a minute", f"{a_minute[0]:.0f}; {a_minute[1]:.0f}")
    yield _fact(f"{every}: CPU per resync, s", f"{idle['cpu_seconds_per_resync']:.2f}")
    for what, counted in (("single", "changes"), ("shared", "services")):
        found = rotation[what]
        times = "; ".join(f"{found[each]:.3f}" for each in ("p50", "p95", "p99"))
        yield _fact(f"Secret to release, {found[counted]} {what}: p50; p95; p99, s", times)


def _row(name: str, one: float, other: float, *, ratio: bool = True) -> str:
    compared = f"{other / one if one else math.nan:>9.2f}" if ratio else ""
    return f"{name:<52}{one:>12.2f}{other:>12.2f}{compared}"


def _fact(name: str, value: str) -> str:
    return f"{name:<52}{value:>24}"

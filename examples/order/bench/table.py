"""Lays a run's figures out for a terminal."""

from collections.abc import Iterator
from typing import Any

from bench.variants import AS_IS, PLAIN

_ROWS = {
    "orders_per_second": "orders/s",
    "p50_ms": "latency p50, ms",
    "p99_ms": "latency p99, ms",
    "service_cpu_ms_per_order": "CPU of the service per order, ms",
    "postgresql_cpu_ms_per_order": "CPU of PostgreSQL per order, ms",
    "cpu_ms_per_order": "CPU of both per order, ms",
}
_LARGE, _SMALL = 100, 0.1


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines to show: medians of the rounds, with their ratios to the service as it is."""
    yield f"medians of {figures['rounds']} rounds, and ratios to {AS_IS.name}; {figures['machine']}"
    for load in figures["loads"].values():
        medians, ratios = load["medians"], load["ratios"]
        others = [name for name in medians if name != AS_IS.name]
        yield ""
        yield f"{load['what']:<46}{AS_IS.name:>10}" + "".join(f"{name:>20}" for name in others)
        for figure, title in _ROWS.items():
            if medians[AS_IS.name][figure] is not None:
                cells = (f"{medians[name][figure]:>11.2f}{_ratio(ratios[name][figure])}" for name in others)
                yield f"  {title:<44}{medians[AS_IS.name][figure]:>10.2f}" + "".join(cells)
    if PLAIN.name in next(iter(figures["loads"].values()))["ratios"]:
        yield ""
        yield from _verdicts(figures["loads"])


def _ratio(ratio: float | None) -> str:
    if not ratio:
        return " " * 9
    return f"{ratio:>8.0f}x" if ratio >= _LARGE else f"{ratio:>8.2f}x" if ratio >= _SMALL else f"{ratio:>8.3f}x"


def _verdicts(loads: dict[str, Any]) -> Iterator[str]:
    """The service as it is beside the plain one, which is how claims are put."""
    for load in loads.values():
        ratios = load["ratios"][PLAIN.name]
        told = [f"{1 / ratios['orders_per_second']:.1f} times the orders/s"]
        for figure, name in (("p99_ms", "p99"), ("cpu_ms_per_order", "CPU per order")):
            if ratios[figure]:
                told.append(f"{name} {(1 / ratios[figure] - 1):+.0%}")
        yield f"{AS_IS.name} beside {PLAIN.name}, {load['what']}: {', '.join(told)}"

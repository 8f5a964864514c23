"""Variants side by side under one load: turns, medians, and ratios to the service as it is."""

import os
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any

from bench.phases import Result
from bench.variants import AS_IS, Variant

Figures = dict[str, float | None]


def compared(what: str, rounds: int, variants: Sequence[Variant], run: Callable[[Variant], Result]) -> dict[str, Any]:
    """Put each variant under a load once a round, back and forth: a machine's mood changes, and is to meet all alike.

    Args:
        what: the load, for the table.
        rounds: how often each has its turn.
        variants: the service as it is among them.
        run: puts one under the load.

    Returns:
        `medians` of the rounds and `ratios` by variant and figure, beside what was measured. A ratio is the median of
        those within each round, to the service as it is: what else the machine does changes from round to round.
    """
    measured: dict[str, list[Figures]] = {each.name: [] for each in variants}
    for number in range(rounds):
        for variant in variants if number % 2 == 0 else reversed(variants):
            sys.stderr.write(f"Measuring {what}: round {number + 1} of {rounds}, {variant.name} …\n")
            measured[variant.name].append({"load_average": os.getloadavg()[0], **run(variant).figures()})
    return {
        "what": what,
        "medians": {name: _medians(taken) for name, taken in measured.items()},
        "ratios": {name: _medians(_ratios(taken, measured[AS_IS.name])) for name, taken in measured.items()},
        "rounds": measured,
    }


def _ratios(taken: Sequence[Figures], as_is: Sequence[Figures]) -> list[Figures]:
    return [
        {name: value / least if value is not None and (least := of[name]) else None for name, value in figures.items()}
        for figures, of in zip(taken, as_is, strict=True)
    ]


def _medians(taken: Sequence[Figures]) -> Figures:
    """Of each figure over the rounds; None for one that was not measured in all of them."""
    columns = {name: [each[name] for each in taken] for name in taken[0]}
    return {
        name: None if None in values else statistics.median(value for value in values if value is not None)
        for name, values in columns.items()
    }

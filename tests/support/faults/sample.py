"""How much is run, and which part.

FAULTS=all is everything; with FAULTS_AT_MOST=20 beside it, against the process only so many plans of each scenario. By
default it is a part that takes minutes. FAULTS_SEED chooses the part.
"""

import os
import random
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

EVERYTHING: Final = os.environ.get("FAULTS") == "all"
AT_MOST: Final = int(os.environ.get("FAULTS_AT_MOST", "0")) or None
SEED: Final = int(os.environ.get("FAULTS_SEED", "1"))


def chance(*of: object) -> random.Random:
    """A source of choices that depends on the seed and on what is chosen for, and on nothing else."""
    return random.Random(" ".join(map(str, (SEED, *of))))  # noqa: S311 it chooses plans


def part(of: Sequence[T], number: int | None, *what: object) -> list[T]:
    """So many of them, in their order; or all."""
    if number is None or len(of) <= number:
        return list(of)
    chosen = sorted(chance(*what).sample(range(len(of)), number))
    return [of[index] for index in chosen]

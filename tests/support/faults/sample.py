"""How much is run, and which part: everything with FAULTS=all, otherwise a part that FAULTS_SEED chooses."""

import os
import random
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

EVERYTHING: Final = os.environ.get("FAULTS") == "all"
SEED: Final = int(os.environ.get("FAULTS_SEED", "1"))


def chance(*of: object) -> random.Random:
    """A source of choices that depends on the seed and on what is chosen for, and on nothing else."""
    return random.Random(" ".join(map(str, (SEED, *of))))  # noqa: S311 it chooses plans


def part(of: Sequence[T], number: int, *what: object) -> list[T]:
    """So many of them, in their order; all of them where everything is run."""
    if EVERYTHING or len(of) <= number:
        return list(of)
    chosen = sorted(chance(*what).sample(range(len(of)), number))
    return [of[index] for index in chosen]

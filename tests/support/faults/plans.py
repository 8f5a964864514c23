"""Which faults of the process level strike where in a scenario."""

from tests.support.faults.process.faults import KILLS, OTHERS, Fault
from tests.support.faults.sample import chance, part


def plans(scenario: str, writes: int) -> list[Fault]:
    """A kill before and after every write; each other fault at least once, and at least one of them at every write.

    Args:
        scenario: its name, which the choice of places depends on.
        writes: how many its reference run made.
    """
    kills = [kill.at(write) for write in range(1, writes + 1) for kill in KILLS]
    places = list(range(1, writes + 1))
    others = list(OTHERS)
    rng = chance(scenario, "pairs")
    rng.shuffle(places)
    rng.shuffle(others)
    pairs = max(len(places), len(others))
    return kills + [others[index % len(others)].at(places[index % len(places)]) for index in range(pairs)]


def chosen(scenario: str, writes: int, number: int | None) -> list[Fault]:
    """All of a scenario's plans, or so many of them: kills and other faults in equal parts."""
    every = plans(scenario, writes)
    if number is None:
        return every
    kills = [each for each in every if isinstance(each, tuple(map(type, KILLS)))]
    others = [each for each in every if each not in kills]
    half = number // 2
    return part(kills, half, scenario, "kills") + part(others, number - half, scenario, "others")

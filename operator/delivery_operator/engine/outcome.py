"""Where a service stands, in one word and one sentence; the conditions are derived from it."""

from dataclasses import dataclass
from enum import Enum


class Standing(Enum):
    """The four ways a service can stand."""

    SERVING = "the newest release serves"
    WORKING = "something is under way and will end by itself"
    WAITING = "something outside is missing; work goes on as soon as it is there"
    STUCK = "nothing will change until somebody acts"


@dataclass(frozen=True)
class Outcome:
    """How a service stands and why.

    Attributes:
        standing: one of the four.
        reason: the cause, one CamelCase word for programs.
        message: the cause and the next step, for people; without counters or times, so that it changes with the truth
        only.
    """

    standing: Standing
    reason: str
    message: str

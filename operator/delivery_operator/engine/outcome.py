"""Where a service stands, in one word and one sentence; the conditions are derived from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from delivery_operator.engine.drift import Left
from delivery_operator.engine.plan import Write


class Standing(Enum):
    """The ways a service can stand."""

    SERVING = "the newest release serves"
    WORKING = "something is under way and will end by itself"
    WAITING = "something outside is missing; work goes on as soon as it is there"
    STUCK = "nothing will change until somebody acts"
    PAUSED = "it is left as it is, because the spec says so"


@dataclass(frozen=True)
class Outcome:
    """How a service stands and why.

    Attributes:
        standing: one of those above.
        reason: the cause, one CamelCase word for programs.
        message: the cause and the next step, for people; without counters or times, so that it changes with the truth
            only.
        serves: while paused: whether the active release serves.
    """

    standing: Standing
    reason: str
    message: str
    serves: bool = False

    @property
    def ready(self) -> bool:
        """Whether the service is as it should be."""
        return self.standing is Standing.SERVING or self.serves


@dataclass(frozen=True)
class Step:
    """The next thing to do: writes, or when there are none, how the service stands.

    Attributes:
        look_again_after: seconds after which to look again; None when events suffice.
        drift: what somebody changed and stands for now.
    """

    writes: Sequence[Write]
    outcome: Outcome
    look_again_after: float | None = None
    drift: Sequence[Left] = ()


@dataclass(frozen=True)
class UnderWay:
    """A Job that changes the schema is waited for: it runs, or is about to.

    Attributes:
        look_again_after: seconds after which to look again; None when events suffice.
        why: what it waits for itself, and what else ends the wait; empty while it runs.
    """

    look_again_after: float | None = None
    why: str = ""

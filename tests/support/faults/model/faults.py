"""What may go wrong between the operator and a modelled cluster: each fault strikes once, at one place of a run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from delivery_operator.cluster.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    NotFound,
    Refused,
    of_response,
)
from delivery_operator.engine.objects import Key, key
from delivery_operator.engine.plan import Apply, Create, Delete, Resume, SetStatus, Write
from tests.support.faults.words import title
from tests.unit.support.world import Killed

if TYPE_CHECKING:
    from tests.support.faults.model.run import Run


class Unserved(Exception):
    """The operator has no answer it can use: it gives up for now, and tries again later."""


class RefusedWrite(Exception):
    """The API server will not take a write, and says so."""

    def __init__(self, target: Key, message: str) -> None:
        super().__init__(message)
        self.target = target


@dataclass(frozen=True)
class Fault:
    """Nothing goes wrong: the reference run, and what every fault does where it does not strike."""

    @property
    def name(self) -> str:
        """What it is called in the table of plans."""
        return title(type(self))

    def make(self, run: "Run", write: Write) -> bool:
        """Make the run's current write; whether the plan may go on."""
        return run.world.write(write)

    def look(self, run: "Run") -> None:
        """Bring the operator's cache up to date for the run's current decision."""
        run.world.observe()

    def away(self, _move: int) -> bool:
        """Whether the operator sleeps through what follows this move."""
        return False

    def late(self, _run: "Run") -> bool:
        """Deliver what is still on its way: nothing else happens any more; whether there was something."""
        return False


@dataclass(frozen=True)
class KilledBefore(Fault):
    """The operator dies before a write, and starts again."""

    write: int

    def make(self, run: "Run", write: Write) -> bool:
        if run.writes == self.write:
            raise Killed
        return super().make(run, write)


@dataclass(frozen=True)
class KilledAfter(Fault):
    """The operator dies after a write, and starts again."""

    write: int

    def make(self, run: "Run", write: Write) -> bool:
        made = super().make(run, write)
        if run.writes == self.write:
            raise Killed
        return made


@dataclass(frozen=True)
class KilledTwice(Fault):
    """It dies after a write, and once more some writes later."""

    write: int
    again: int

    def make(self, run: "Run", write: Write) -> bool:
        made = super().make(run, write)
        if run.writes in {self.write, self.again}:
            raise Killed
        return made


@dataclass(frozen=True)
class RestartedIntoThePast(Fault):
    """It dies after a write, and what it first lists is from before it."""

    write: int

    def make(self, run: "Run", write: Write) -> bool:
        before = run.world.objects.get(target(write))
        made = super().make(run, write)
        if run.writes == self.write:
            run.past = (target(write), before)
            raise Killed
        return made

    def look(self, run: "Run") -> None:
        super().look(run)
        if run.past is None:
            return
        (where, before), run.past = run.past, None
        if before is None:
            run.world.cache.pop(where, None)
        else:
            run.world.cache[where] = before


@dataclass(frozen=True)
class Answered(Fault):
    """The API server does not take a write, and answers with a code and a reason."""

    write: int
    code: int
    reason: str = ""

    @property
    def name(self) -> str:
        return f"answered {self.code} {self.reason}"

    def make(self, run: "Run", write: Write) -> bool:
        if run.writes != self.write:
            return super().make(run, write)
        match of_response("write", self.code, {"reason": self.reason, "message": "a fault of a test"}, None):
            # What the actor makes of each (cluster/act.py).
            case Conflict() if not isinstance(write, Create):
                run.world.look_up(target(write))
                return False
            case AlreadyExists() if isinstance(write, Create):
                run.world.look_up(target(write))
                return False
            case NotFound() if isinstance(write, SetStatus | Resume):
                run.world.look_up(target(write))
                return False
            case NotFound() if isinstance(write, Delete):
                run.world.cache.pop(target(write))
                return True
            case Refused() as error:
                raise RefusedWrite(target(write), error.message)
            case ApiError():
                raise Unserved


@dataclass(frozen=True)
class RequestLost(Fault):
    """A write never reaches the API server, and no answer comes."""

    write: int

    def make(self, run: "Run", write: Write) -> bool:
        if run.writes == self.write:
            raise Unserved
        return super().make(run, write)


@dataclass(frozen=True)
class AnswerLost(Fault):
    """A write is made, and the operator does not learn it: from its answer, nor, with a slow watch, from its event."""

    write: int
    watch_is_slow: bool = False

    def make(self, run: "Run", write: Write) -> bool:
        if run.writes != self.write:
            return super().make(run, write)
        where = target(write)
        before = run.world.cache.get(where)
        super().make(run, write)
        run.world.cache.pop(where, None)
        if before is not None:
            run.world.cache[where] = before
        if self.watch_is_slow:
            run.unheard = where
        raise Unserved

    def look(self, run: "Run") -> None:
        run.world.observe(behind=run.unheard)
        run.unheard = None


@dataclass(frozen=True)
class Duplicated(Fault):
    """A write arrives twice, and the second answer is the one that comes back."""

    write: int

    def make(self, run: "Run", write: Write) -> bool:
        made = super().make(run, write)
        return super().make(run, write) if run.writes == self.write else made


@dataclass(frozen=True)
class Late(Fault):
    """A write is on its way for so long that the operator gives it up; it arrives some of its writes later."""

    write: int
    by: int

    def make(self, run: "Run", write: Write) -> bool:
        if run.writes == self.write:
            run.on_its_way = write
            raise Unserved
        if run.writes == self.write + self.by:
            self.late(run)
        return super().make(run, write)

    def late(self, run: "Run") -> bool:
        if run.on_its_way is None:
            return False
        run.world.arrive(run.on_its_way)
        run.on_its_way = None
        return True


class Until:
    """How long the news of an object may be held back."""

    DECISION: Final = "decision"
    REST: Final = "rest"
    MOVE: Final = "move"


@dataclass(frozen=True)
class Stale(Fault):
    """The news of one object is held back: for one decision, until the operator rests, or until something else moves.

    Its own writes still show it the object, as their answers do.
    """

    decision: int
    object: Key
    until: str

    def look(self, run: "Run") -> None:
        if run.decisions == self.decision:
            run.held_since = run.moves
        held = (
            run.held_since is not None
            and {
                Until.DECISION: run.decisions == self.decision,
                Until.REST: run.moves == run.held_since,
                Until.MOVE: run.moves <= run.held_since + 1,
            }[self.until]
        )
        run.world.observe(behind=self.object if held else None)

    def late(self, run: "Run") -> bool:
        was, run.held_since = run.held_since, None
        return was is not None


@dataclass(frozen=True)
class Away(Fault):
    """The operator does not look between two moves of the world: what was between them it never sees."""

    first: int
    last: int

    def away(self, move: int) -> bool:
        return self.first <= move < self.last


def target(write: Write) -> Key:
    """The object a write is about."""
    return key(write.manifest if isinstance(write, Create | Apply) else write.target)

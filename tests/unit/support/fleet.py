"""Services of an environment as its waves see them, and a run of the waves over them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.engine import waves
from delivery_operator.engine.objects import Object
from delivery_operator.engine.waves import Member, Upgrade

OLD: Final = "old"
NEW: Final = "new"
NOON: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday."""


def release(templates: str, phase: str = "Active", renewal_of: int | None = None) -> dict[str, Any]:
    """A DeliveryRelease, as far as waves read it."""
    spec = {"templates": templates, **({"renewalOf": renewal_of} if renewal_of else {})}
    return {"kind": "DeliveryRelease", "spec": spec, "status": {"phase": phase}}


def member(  # noqa: PLR0913 what a service can be
    name: str,
    active: Object | None,
    newest: Object | None = None,
    *,
    ready: bool = True,
    stalled: bool = False,
    conditions: dict[str, str] | None = None,
    spec: dict[str, Any] | None = None,
    **metadata: Any,
) -> Member:
    """One service; the newest release is the active one unless it is given."""
    said = {"Ready": str(ready), "Stalled": str(stalled), **(conditions or {})}
    service = {
        "kind": "DeliveryService",
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "spec": spec or {},
        "status": {"conditions": [{"type": kind, "status": status} for kind, status in said.items()]},
    }
    return Member.of(service, newest or active, active)


@dataclass
class Fleet:
    """Services by name, under an environment in waves mode, looked at again and again."""

    services: dict[str, Member] = field(default_factory=dict)
    upgrade: dict[str, Any] = field(default_factory=lambda: {"maxConcurrent": 2})
    window: dict[str, Any] | None = None
    templates: str = NEW
    now: datetime = NOON
    generation: int = 1
    status: dict[str, Any] = field(default_factory=dict)
    mode: str = "waves"
    hidden: set[str] = field(default_factory=set)
    """Services in a namespace that does not let the operator in."""

    @property
    def spec(self) -> DeliveryEnvironmentSpec:
        """The environment's spec."""
        window = {"maintenanceWindow": self.window} if self.window else {}
        return DeliveryEnvironmentSpec.model_validate({"upgrade": {"mode": self.mode, **self.upgrade}, **window})

    def put(self, *members: Member) -> None:
        """Have these services, in the place of those of the same name."""
        self.services |= {each.name.removeprefix("shop/"): each for each in members}

    def behind(self, *names: str) -> None:
        """Have services that serve with the old templates."""
        self.put(*(member(name, release(OLD)) for name in names))

    def take(self, name: str) -> None:
        """A service has been renewed."""
        self.put(member(name, release(self.templates, renewal_of=1)))

    def fail(self, name: str) -> None:
        """A service's renewal has failed, and it serves with what it had."""
        failed = release(self.templates, "Failed", renewal_of=1)
        self.put(member(name, release(OLD), failed, ready=False, stalled=True))

    def look(self) -> Upgrade:
        """Decide, and write the status."""
        body = {"metadata": {"name": "env", "generation": self.generation}, "status": self.status}
        seen = [each for name, each in self.services.items() if name not in self.hidden]
        fleet = waves.Fleet(self.spec, seen, frozenset(f"shop/{name}" for name in self.hidden))
        found = waves.decide(fleet, self.templates, body, self.now)
        self.status = {"observedGeneration": self.generation, **({"upgrade": found.status} if found.status else {})}
        return found

    def names(self, which: str) -> list[str]:
        """A list of the status, after a look."""
        self.look()
        return [each.removeprefix("shop/") for each in self.status["upgrade"].get(which, ())]

    @property
    def phase(self) -> str:
        """The phase, after a look."""
        self.look()
        return str(self.status["upgrade"]["phase"])

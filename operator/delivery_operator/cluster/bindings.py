"""Provisioned services: objects of other operators that name the Secret to bind (F4).

https://servicebinding.io/spec/core/1.1.0/#provisioned-service: the Secret's name is in status.binding.name. Their kinds
are anybody's, so they are read one by one and not watched: what was found is kept until the next resync, and what was
not is asked for again with each look. An API that does not answer then (its conversion webhook is down, say) has not
said anything else: what it said last still counts.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from delivery_operator.api.binding import BackingService, ProvisionedService
from delivery_operator.cluster.api import Api
from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.errors import NotFound, Refused, Unavailable

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS: Final = 5.0
_SILENT_SECONDS: Final = 60.0
_SILENT: Final = "cannot be read: its API does not answer, and kubectl get tells why"

Place = tuple[str, str, str, str]
"""apiVersion, kind, namespace and name."""


@dataclass(frozen=True)
class Bound:
    """What is known of the provisioned services of one DeliveryService.

    Attributes:
        secrets: name of each backing service to that of its Secret.
        problems: name of each backing service that has none yet to the reason, for people.
    """

    secrets: dict[str, str]
    problems: dict[str, str]


@dataclass
class Bindings:
    """Reads provisioned services."""

    api: Api
    discovery: Discovery
    _known: dict[Place, str] = field(default_factory=dict)
    _before: dict[Place, str] = field(default_factory=dict)
    """What was known at the last `forget`."""
    _silent: dict[Place, float] = field(default_factory=dict)
    """Until when each is not asked whose API does not answer."""
    clock: Callable[[], float] = time.monotonic

    def forget(self) -> None:
        """Read everything again when it is next asked for."""
        self._known, self._before = {}, self._known
        self._silent = {place: until for place, until in self._silent.items() if until > self.clock()}

    async def resolve(self, namespace: str, services: list[BackingService], *, patient: bool = True) -> Bound:
        """Find the Secret of each backing service that has a provisioned service.

        Args:
            namespace: where they are.
            services: of one DeliveryService.
            patient: whether an API that does not answer, and has not before, is to be asked again and not told of.

        Raises:
            ApiError: it did not, and is to be.
        """
        bound = Bound({}, {})
        for service in services:
            target = service.provisioned_service
            if target is None:
                continue
            place = (target.api_version, target.kind, namespace, target.name)
            secret = self._known.get(place)
            problem = ""
            if secret is None:
                secret, problem = await self._ask(place, target, patient=patient)
            if secret is None:
                bound.problems[service.name] = f"{target.kind} {target.name} {problem} (needed for {service.name})"
            else:
                self._known[place] = secret
                bound.secrets[service.name] = secret
        return bound

    async def _ask(self, place: Place, target: ProvisionedService, *, patient: bool) -> tuple[str | None, str]:
        """Answer with the Secret's name, or with what is wrong; an API that is silent is left alone for a while."""
        if self._silent.get(place, 0) > self.clock():
            return None, _SILENT
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._look(place[2], target)
        except (Unavailable, TimeoutError) as error:
            before = self._before.get(place)
            if before is not None:
                return before, ""
            if patient:  # often it is only a moment: the status is not to flap with it
                raise Unavailable(f"GET {target.kind} {target.name}", str(error) or "no answer in time") from error
            log.warning("provisioned service not read", kind=target.kind, name=target.name, error=str(error))
            self._silent[place] = self.clock() + _SILENT_SECONDS
            return None, _SILENT

    async def _look(self, namespace: str, target: ProvisionedService) -> tuple[str | None, str]:
        """Answer with the Secret's name, or with what is wrong."""
        plural = await self.discovery.plural(target.api_version, target.kind)
        if plural is None:
            return None, f"cannot be found: the cluster does not serve {target.api_version}; check apiVersion and kind"
        prefix = "/apis" if "/" in target.api_version else "/api"
        path = f"{prefix}/{target.api_version}/namespaces/{namespace}/{plural}/{target.name}"
        try:
            found = await self.api.read(path)
        except NotFound:
            return None, "does not exist"
        except Refused:
            return None, (
                "may not be read by the operator; its operator's ClusterRole must grant that, with the label "
                "servicebinding.io/controller"
            )
        status = found.get("status")
        binding = status.get("binding") if isinstance(status, dict) else None
        name = binding.get("name") if isinstance(binding, dict) else None
        if isinstance(name, str) and name:
            return name, ""
        return None, "does not name its Secret in status.binding.name yet"

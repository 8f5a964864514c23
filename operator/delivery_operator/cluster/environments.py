"""DeliveryEnvironments with their templates: what a service gets from the one that it names.

The templates of an environment are loaded and checked when something about it changes and with every resync; services
are given what was found then. A broken set is kept as the error that it is, beside the platform's own templates.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from delivery_operator.api.environment import KIND, DeliveryEnvironmentSpec, TemplateSource
from delivery_operator.api.release import ReferenceKind
from delivery_operator.api.service import DEFAULT_ENVIRONMENT
from delivery_operator.api.upgrade import UpgradeMode
from delivery_operator.cluster.api import Api
from delivery_operator.cluster.errors import NotFound
from delivery_operator.cluster.members import Members
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.resources import CONFIG_MAPS
from delivery_operator.cluster.store import Body, ServiceKey, Store
from delivery_operator.engine import environment
from delivery_operator.engine.environment import Templates
from delivery_operator.engine.snapshot import Obstacle
from delivery_operator.engine.waves import Fleet
from delivery_operator.render import bundle, check
from delivery_operator.render.bundle import SUFFIX, Bundle
from delivery_operator.render.errors import RenderError


@dataclass(frozen=True)
class Found:
    """What a service gets.

    Attributes:
        spec: the environment; the built-in one when there is an obstacle.
        templates: what its releases are rendered with.
        obstacle: why no release can be made for it at all.
        body: the object, if there is one.
    """

    spec: DeliveryEnvironmentSpec
    templates: Templates
    obstacle: Obstacle | None = None
    body: Body | None = None


@dataclass
class Environments:
    """All environments.

    Attributes:
        builtin: the operator's own templates, which have been checked.
        namespace: the operator's own, where ConfigMaps with templates are.
        folder: below it are the folders with templates.
        reach: where the operator looks.
        named: called with the key of an environment when the first service names it.
    """

    api: Api
    store: Store
    referenced: Referenced
    builtin: Bundle
    namespace: str
    folder: Path | None
    reach: Reach
    named: Callable[[ServiceKey], None]
    _members: Members = field(init=False)
    _templates: dict[str, Templates] = field(default_factory=dict)
    _source: dict[str, TemplateSource | None] = field(default_factory=dict)
    """Where those were loaded from: an environment that names others since must not make a release with these."""
    _checked: dict[str, str] = field(default_factory=dict)
    """Digest of each checked bundle to what is wrong with it, empty when nothing is."""

    def __post_init__(self) -> None:
        """Look at fleets through the store."""
        self._members = Members(self.store)

    async def of(self, name: str) -> Found:
        """Answer for a service that names this environment.

        Raises:
            ApiError: its templates could not be read.
        """
        body = self.store.get(KIND, "", name)
        own = Templates(self.builtin)
        if body is None:
            if name == DEFAULT_ENVIRONMENT:
                return Found(DeliveryEnvironmentSpec(), own)
            message = (
                f"DeliveryEnvironment {name} does not exist; no release is made until it does, and what runs stays: "
                "ask the platform team for it, or correct spec.environment"
            )
            return Found(DeliveryEnvironmentSpec(), own, Obstacle("EnvironmentMissing", message))
        spec = environment.read(body)
        if isinstance(spec, str):
            message = f"DeliveryEnvironment {name} cannot be read; see its status"
            return Found(DeliveryEnvironmentSpec(), own, Obstacle("EnvironmentInvalid", message))
        if self._source.get(name, ...) != spec.templates:
            await self.refresh(name, spec)
            self.named(("", name))
        return Found(spec, self._templates[name], body=body)

    def speaks_for(self, name: str) -> bool:
        """Whether the status of an environment is this operator's to write.

        One that is limited to namespaces speaks for the environments that its services name: beside others of its kind
        it would write what these then write back.
        """
        return self.reach.everywhere or bool(self._seen(name))

    async def fleet(self, name: str, spec: DeliveryEnvironmentSpec) -> Fleet | None:
        """Gather an environment's services where they can be seen; None when others speak of them, too.

        One that is limited to namespaces may see only some: beside others of its kind it speaks only where the
        environment asks for waves, which is then to be its own.
        """
        if not self.reach.everywhere and spec.upgrade.mode is not UpgradeMode.WAVES:
            return None
        self._members.forget()
        status = (self.store.get(KIND, "", name) or {}).get("status") or {}
        failed = (status.get("upgrade") or {}).get("failed") or ()
        unseen = frozenset(each for each in failed if self.reach.closed(each.split("/")[0]))
        return Fleet(spec, await self._members.all(self._seen(name)), unseen)

    def _seen(self, name: str) -> list[ServiceKey]:
        """The services of an environment, where the operator is let in."""
        return [service for service in self.store.in_environment(name) if self.reach.covers(service[0])]

    async def refresh(self, name: str, spec: DeliveryEnvironmentSpec) -> bool:
        """Load the templates of an environment again; whether services must be looked at because of it.

        Raises:
            ApiError: they could not be read.
        """
        before, found = self._templates.get(name), await self._load(name, spec.templates)
        self._templates[name], self._source[name] = found, spec.templates
        return before is not None and before != found

    def templates(self, name: str) -> Templates:
        """Answer with what the last refresh found."""
        return self._templates[name]

    def forget(self, name: str) -> None:
        """Drop what was kept for an environment that is gone."""
        self._templates.pop(name, None)
        self._source.pop(name, None)
        self.referenced.forget(("", name))

    async def _load(self, name: str, source: TemplateSource | None) -> Templates:
        try:
            overrides = await self._sources(name, source)
            templates = self.builtin.with_overrides(overrides) if overrides else self.builtin
        except RenderError as error:
            return Templates(self.builtin, str(error))
        fault = await self._check(templates)
        return Templates(self.builtin, fault) if fault else Templates(templates)

    async def _sources(self, name: str, source: TemplateSource | None) -> Mapping[str, str]:
        """Read an environment's own templates, by name.

        Raises:
            RenderError: they are not there.
        """
        if source is None or source.config_map is None:
            self.referenced.forget(("", name))
            if source is None:
                return {}
            return await asyncio.to_thread(self._read_folder, str(source.folder))
        # Asked for through the watch of references, so that a change of it is told.
        reference = (ReferenceKind.CONFIG_MAP, source.config_map)
        await self.referenced.resolve(("", name), {reference}, self.namespace)
        try:
            found = await self.api.get(CONFIG_MAPS, self.namespace, source.config_map)
        except NotFound:
            raise RenderError(f"ConfigMap {self.namespace}/{source.config_map} does not exist") from None
        return {file.removesuffix(SUFFIX): text for file, text in sorted((found.get("data") or {}).items())}

    def _read_folder(self, name: str) -> Mapping[str, str]:
        if self.folder is None:
            raise RenderError(f"folder {name}: the operator has no DELIVERY_OPERATOR_TEMPLATES_DIR to look below")
        folder = self.folder / name
        try:
            if not folder.is_dir():
                raise RenderError(f"folder {folder} does not exist")
            return bundle.read(folder)
        except (OSError, UnicodeDecodeError) as error:
            raise RenderError(f"folder {folder} cannot be read: {error}") from error

    async def _check(self, templates: Bundle) -> str:
        """Check a bundle once in the operator's life; what is wrong with it."""
        if templates.digest == self.builtin.digest:
            return ""
        if templates.digest not in self._checked:
            try:
                await asyncio.to_thread(check.check, templates)
            except RenderError as error:
                self._checked[templates.digest] = str(error)
            else:
                self._checked[templates.digest] = ""
        return self._checked[templates.digest]

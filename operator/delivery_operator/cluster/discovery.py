"""What the cluster serves: kinds of other projects, and the plural of a kind that is not in our table.

A kind of another project may come and go with its CRD while the operator runs: `refresh` is asked with every resync.
"""

from dataclasses import dataclass, field

from delivery_operator.cluster.api import Api
from delivery_operator.cluster.errors import NotFound
from delivery_operator.cluster.resources import OPTIONAL, Resource


@dataclass
class Discovery:
    """What was found at the last look."""

    api: Api
    resources: tuple[Resource, ...] = ()
    """The optional kinds that are served."""
    _plurals: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def served(self) -> frozenset[str]:
        """API versions of which every kind that we use is served.

        One that is served by halves, such as a Gateway API older than GRPCRoute, is taken for none: a template must not
        have to ask for each kind.
        """
        missing = {each.api_version for each in OPTIONAL if each not in self.resources}
        return frozenset(each.api_version for each in OPTIONAL) - missing

    async def refresh(self) -> bool:
        """Look again; whether something changed.

        Raises:
            ApiError: the API server did not tell.
        """
        found = []
        for api_version in dict.fromkeys(each.api_version for each in OPTIONAL):
            plurals = set((await self._kinds(api_version)).values())
            found += [each for each in OPTIONAL if each.api_version == api_version and each.plural in plurals]
        changed = tuple(found) != self.resources
        self.resources = tuple(found)
        self._plurals.clear()
        return changed

    async def plural(self, api_version: str, kind: str) -> str | None:
        """Find the plural that a kind is reached by; None when the cluster does not serve it.

        Raises:
            ApiError: the API server did not tell.
        """
        known = self._plurals.get((api_version, kind))
        if known is None:
            known = (await self._kinds(api_version)).get(kind)
            if known is not None:
                self._plurals[api_version, kind] = known
        return known

    async def _kinds(self, api_version: str) -> dict[str, str]:
        """Map each kind of an API version to its plural; nothing when it is not served."""
        prefix = "/apis" if "/" in api_version else "/api"
        try:
            listed = await self.api.read(f"{prefix}/{api_version}")
        except NotFound:
            return {}
        return {each["kind"]: each["name"] for each in listed["resources"] if "/" not in each["name"]}

"""Factor III and IV: which Secrets and ConfigMaps a service takes values from, and whether they are there (F3-9)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from delivery_operator.api.release import ReferenceKind
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.engine.snapshot import Reference
from delivery_operator.render.canonical import digest


@dataclass(frozen=True)
class Use:
    """One variable's need of one key."""

    reference: Reference
    key: str
    variable: str
    optional: bool


@dataclass(frozen=True)
class Missing:
    """A key that must be there and is not; key is None when the whole object is missing."""

    reference: Reference
    key: str | None
    variable: str

    def __str__(self) -> str:
        """Name the object, the key and the variable that needs it."""
        kind, name = self.reference
        if self.key is None:
            return f"{kind.value} {name} does not exist (needed for {self.variable})"
        return f"{kind.value} {name} has no key {self.key} (needed for {self.variable})"


def uses(spec: DeliveryServiceSpec) -> Iterator[Use]:
    """Yield every key that the spec refers to, in a stable order."""
    for variable_name, variable in sorted(spec.config.items()):
        for kind, reference in (
            (ReferenceKind.SECRET, variable.secret_key_ref),
            (ReferenceKind.CONFIG_MAP, variable.config_map_key_ref),
        ):
            if reference:
                yield Use((kind, reference.name), reference.key, variable_name, variable.optional)
    for service in sorted(spec.backing_services, key=lambda each: each.name):
        for variable_name, key in sorted(service.env.items()):
            if service.secret:
                yield Use((ReferenceKind.SECRET, service.secret), key, variable_name, optional=False)


def missing(spec: DeliveryServiceSpec, referenced: Mapping[Reference, Mapping[str, str]]) -> list[Missing]:
    """List what the spec needs and the namespace lacks, each object once."""
    found: dict[tuple[Reference, str | None], Missing] = {}
    for use in uses(spec):
        if use.optional:
            continue
        keys = referenced.get(use.reference)
        if keys is None:
            found.setdefault((use.reference, None), Missing(use.reference, None, use.variable))
        elif use.key not in keys:
            found.setdefault((use.reference, use.key), Missing(use.reference, use.key, use.variable))
    return list(found.values())


def hashes(spec: DeliveryServiceSpec, referenced: Mapping[Reference, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Combine the keyed hashes of the referenced keys, per object: a key nobody refers to changes nothing."""
    used: dict[Reference, dict[str, str]] = {}
    for use in uses(spec):
        values = referenced.get(use.reference, {})
        if use.key in values:
            used.setdefault(use.reference, {})[use.key] = values[use.key]
    return [
        {"kind": kind.value, "name": name, "hash": digest(keys)[:32]} for (kind, name), keys in sorted(used.items())
    ]

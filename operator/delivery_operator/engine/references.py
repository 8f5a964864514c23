"""Factor III and IV: which Secrets and ConfigMaps a service takes values from, and whether they are there (F3-9)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.api.release import ReferenceKind
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.engine.objects import Key
from delivery_operator.engine.snapshot import Reference
from delivery_operator.render.canonical import digest

KEYS_LIMIT: Final = 16
KEY_HASH: Final = 12
"""Hexadecimal digits of a key's hash that a release keeps: enough to see a change by."""


@dataclass(frozen=True)
class Use:
    """One need of a Secret or ConfigMap.

    Attributes:
        reference: the object.
        key: the key in it; None for all of them.
        needed_for: the variable, or what else is made of it, for people.
        optional: whether it may be missing.
    """

    reference: Reference
    key: str | None
    needed_for: str
    optional: bool = False


@dataclass(frozen=True)
class Missing:
    """Something that must be there and is not.

    Attributes:
        reason: one word for programs: SecretMissing, SecretKeyMissing, ConfigMapMissing, ConfigMapKeyMissing or
            BindingNotReady.
        message: names the object, the key and what needs it.
        about: kind and name of the object.
    """

    reason: str
    message: str
    about: Key

    def __str__(self) -> str:
        """The message."""
        return self.message


def uses(spec: DeliveryServiceSpec, bindings: Mapping[str, str]) -> Iterator[Use]:
    """Yield everything that the spec refers to, in a stable order.

    Args:
        spec: the spec.
        bindings: backing service to the Secret that its provisioned service names; those without one are left out.
    """
    yield from _of_config(spec)
    yield from _of_backing_services(spec, bindings)
    if spec.sentry:
        yield Use((ReferenceKind.SECRET, spec.sentry.name), spec.sentry.key, "SENTRY_DSN")


def _of_config(spec: DeliveryServiceSpec) -> Iterator[Use]:
    for variable_name, variable in sorted(spec.config.items()):
        for kind, reference in (
            (ReferenceKind.SECRET, variable.secret_key_ref),
            (ReferenceKind.CONFIG_MAP, variable.config_map_key_ref),
        ):
            if reference:
                yield Use((kind, reference.name), reference.key, variable_name, variable.optional)
    for source in sorted(spec.config_from, key=lambda each: each.name):
        for kind, whole in ((ReferenceKind.SECRET, source.secret), (ReferenceKind.CONFIG_MAP, source.config_map)):
            if whole:
                yield Use((kind, whole), None, f"configFrom {source.name}", source.optional)


def _of_backing_services(spec: DeliveryServiceSpec, bindings: Mapping[str, str]) -> Iterator[Use]:
    for service in sorted(spec.backing_services, key=lambda each: each.name):
        secret = service.secret or bindings.get(service.name)
        if secret is None:
            continue
        for variable_name, key in sorted(service.env.items()):
            yield Use((ReferenceKind.SECRET, secret), key, variable_name)
        if service.files:
            yield Use((ReferenceKind.SECRET, secret), None, f"the files of {service.name}")


def missing(
    spec: DeliveryServiceSpec,
    referenced: Mapping[Reference, Mapping[str, str]],
    bindings: Mapping[str, str],
    unbound: Mapping[str, str],
) -> list[Missing]:
    """List what the spec needs and the namespace lacks, each object once.

    Args:
        spec: the spec.
        referenced: the existing objects with the hashes of their keys.
        bindings: backing service to the Secret that its provisioned service names.
        unbound: backing service to why its provisioned service names none.
    """
    wanted = {each.name: each.provisioned_service for each in spec.backing_services if each.provisioned_service}
    found = [
        Missing("BindingNotReady", unbound.get(name, f"{name} is not bound"), (source.kind, source.name))
        for name, source in sorted(wanted.items())
        if name not in bindings
    ]
    told: set[tuple[Reference, str | None]] = set()
    for use in uses(spec, bindings):
        keys = referenced.get(use.reference)
        lacks_key = keys is not None and use.key is not None and use.key not in keys
        if use.optional or not (keys is None or lacks_key):
            continue
        kind, name = use.reference
        what = (use.reference, use.key if lacks_key else None)
        if what in told:
            continue
        told.add(what)
        if lacks_key:
            message = f"{kind.value} {name} has no key {use.key} (needed for {use.needed_for})"
            found.append(Missing(f"{kind.value}KeyMissing", message, (kind.value, name)))
        else:
            message = f"{kind.value} {name} does not exist (needed for {use.needed_for})"
            found.append(Missing(f"{kind.value}Missing", message, (kind.value, name)))
    return found


def hashes(
    spec: DeliveryServiceSpec, referenced: Mapping[Reference, Mapping[str, str]], bindings: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Combine the keyed hashes of the referenced keys, per object: a key nobody refers to changes nothing."""
    return [
        {"kind": kind.value, "name": name, "hash": digest(keys)[:32]}
        for (kind, name), keys in _used(spec, referenced, bindings)
    ]


def record(
    spec: DeliveryServiceSpec, referenced: Mapping[Reference, Mapping[str, str]], bindings: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Answer what a release keeps of its references: the hashes, and so much of each key's that a change shows."""
    short = (
        {key: value[:KEY_HASH] for key, value in sorted(keys.items())} if len(keys) <= KEYS_LIMIT else None
        for _, keys in _used(spec, referenced, bindings)
    )
    return [
        {**each, **({"keys": keys} if keys is not None else {})}
        for each, keys in zip(hashes(spec, referenced, bindings), short, strict=True)
    ]


def _used(
    spec: DeliveryServiceSpec, referenced: Mapping[Reference, Mapping[str, str]], bindings: Mapping[str, str]
) -> list[tuple[Reference, dict[str, str]]]:
    used: dict[Reference, dict[str, str]] = {}
    for use in uses(spec, bindings):
        values = referenced.get(use.reference, {})
        if use.key is None:
            if use.reference in referenced:
                used.setdefault(use.reference, {}).update(values)
        elif use.key in values:
            used.setdefault(use.reference, {})[use.key] = values[use.key]
    return sorted(used.items())

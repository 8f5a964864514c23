"""How the cause of a release reads, for its Event and for the command line: what changed, and who changed it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

FIRST: Final = "spec"
"""What changed for the first release: all of it."""
_SHOWN: Final = 3
"""Names in a sentence; the release has all of them."""


def what(spec: Mapping[str, Any]) -> str:
    """Name what changed in a release's spec, e.g. "spec.image, Secret db (url)"; empty when nothing is known."""
    changes = spec.get("changes") or {}
    names = [*(changes.get("fields") or ()), *(_reference(each) for each in changes.get("references") or ())]
    return _listed(names, changes.get("omitted") or 0)


def who(spec: Mapping[str, Any]) -> str:
    """Name the field managers that changed it; empty when they are not known."""
    return _listed([each["manager"] for each in spec.get("changedBy") or ()], 0)


def sentence(spec: Mapping[str, Any]) -> str:
    """Say why a release was made, beside its reason; empty when there is nothing to say."""
    changed, by = what(spec), who(spec)
    if changed == FIRST:
        return f"by {by}" if by else ""
    return f"{changed} changed" + (f" by {by}" if by else "") if changed else ""


def _reference(change: Mapping[str, Any]) -> str:
    keys = _listed(change.get("keys") or (), 0)
    return f"{change['kind']} {change['name']}{f' ({keys})' if keys else ''}"


def _listed(names: Sequence[str], more: int) -> str:
    shown, rest = names[:_SHOWN], len(names[_SHOWN:]) + more
    return ", ".join(shown) + (f" and {rest} more" if rest else "")

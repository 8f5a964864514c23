"""Text that goes into a status: bounded, and without credentials (invariant 8)."""

import re
from typing import Final

OUTPUT_LIMIT: Final = 1024
"""Characters kept of a process's output."""

_URL_PASSWORD: Final = re.compile(r"(?<=://)([^/\s:@]*):([^/\s]+)@")  # a password may hold an @ itself
_ASSIGNED: Final = re.compile(
    r"(?i)(?<![a-z0-9_-])([a-z0-9_-]*(?:password|passwd|secret|token|api_?key)[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;]+)"
)


def redact(text: str) -> str:
    """Blank out what looks like a credential: passwords in URLs, and values assigned to a telling name.

    It is the second line: exact secret values are removed where pods are observed.
    """
    return _ASSIGNED.sub(r"\1***", _URL_PASSWORD.sub(r"\1:***@", text))


def output_end(text: str) -> str:
    """Keep the end of an output, redacted, within the limit; whole lines where that is possible."""
    clean = redact(text.strip())
    if len(clean) <= OUTPUT_LIMIT:
        return clean
    kept = clean[-OUTPUT_LIMIT:]
    _, newline, whole = kept.partition("\n")
    return whole if newline and whole else kept

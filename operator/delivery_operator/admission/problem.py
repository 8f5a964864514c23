"""A problem with an object, as the API server words it."""

import json
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """What is wrong, as in a Status' causes (k8s.io/apimachinery/pkg/util/validation/field)."""

    INVALID = "Invalid"
    TYPE_INVALID = "TypeInvalid"
    REQUIRED = "Required"
    NOT_SUPPORTED = "NotSupported"
    DUPLICATE = "Duplicate"
    TOO_LONG = "TooLong"
    TOO_MANY = "TooMany"
    FORBIDDEN = "Forbidden"
    UNKNOWN_FIELD = "UnknownField"
    DENIED = "Denied"
    """Not of the API server's list: a policy denied the object."""


BLOCKING = frozenset({Kind.TYPE_INVALID, Kind.REQUIRED, Kind.NOT_SUPPORTED, Kind.TOO_LONG, Kind.TOO_MANY})
"""An object with such a problem has no shape that rules could be evaluated on."""

_TITLES = {
    Kind.INVALID: "Invalid value",
    Kind.TYPE_INVALID: "Invalid value",
    Kind.REQUIRED: "Required value",
    Kind.NOT_SUPPORTED: "Unsupported value",
    Kind.DUPLICATE: "Duplicate value",
    Kind.TOO_LONG: "Too long",
    Kind.TOO_MANY: "Too many",
    Kind.FORBIDDEN: "Forbidden",
}
OMITTED = object()
"""Stands for a value that is too large to be repeated in a message."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that the API server would refuse an object for.

    Args:
        kind: What is wrong.
        field: Path of the field as the API server writes it, such as spec.processes.web.port.number; empty when it is
            about the whole object.
        message: What is wrong and what to write instead.
    """

    kind: Kind
    field: str
    message: str

    def __str__(self) -> str:
        """The line that kubectl would print."""
        bare = self.kind in {Kind.UNKNOWN_FIELD, Kind.DENIED} or not self.field
        return self.message if bare else f"{self.field}: {self.message}"


def problem(kind: Kind, field: str, detail: str = "", value: Any = OMITTED) -> Problem:
    """Word a problem as field.Error does: what kind, the value, the detail."""
    parts = [_TITLES[kind], *([] if value is OMITTED else [shown(value)]), *([detail] if detail else [])]
    return Problem(kind, field, ": ".join(parts))


def shown(value: Any) -> str:
    """A value in a message: a text as Go's %q writes it, a float as its %v, anything else as compact JSON."""
    if isinstance(value, str):
        return '"' + "".join(map(_quoted, value)) + '"'
    if isinstance(value, float):
        return _float(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def _quoted(character: str) -> str:
    code = ord(character)
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    width, letter = (2, "x") if code < 0x80 else (4, "u") if code < 0x10000 else (8, "U")  # noqa: PLR2004 ASCII, BMP
    return f"\\{letter}{code:0{width}x}"


def _float(value: float) -> str:
    """The shortest digits, with an exponent below -4 and from 6 on."""
    shortest = Decimal(repr(value)).normalize()
    exponent = shortest.adjusted()
    if -5 < exponent < 6:  # noqa: PLR2004 Go's
        return f"{shortest:f}"
    return f"{shortest.scaleb(-exponent):f}e{exponent:+03d}"

"""CEL functions of Kubernetes' own libraries, those that our rules use: address ranges and quantities.

As k8s.io/apiserver/pkg/cel/library/cidr.go and quantity.go.
"""

import re
from decimal import Decimal
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Final

from celpy.celtypes import BoolType, IntType, StringType

Range = IPv4Interface | IPv6Interface

_PREFIX: Final = re.compile(r"[^/%]+/(0|[1-9][0-9]{0,2})", re.ASCII)
_QUANTITY: Final = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([KMGTPE]i)|([numkMGTPE]?)|[eE]([+-]?[0-9]+))", re.ASCII
)
_BINARY: Final = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL: Final = {
    letter: 3 * power for power, letter in enumerate(["n", "u", "m", "", "k", "M", "G", "T", "P", "E"], -3)
}


def cidr(text: StringType) -> Range:
    """The range that a text means: an address and the length of its prefix.

    Raises:
        ValueError: it is none; an IPv4 address within IPv6 is none either.
    """
    if not _PREFIX.fullmatch(text):
        raise ValueError(f"network address parse error during conversion from string: {text}")
    found = ip_interface(str(text))
    if isinstance(found, IPv6Interface) and found.ip.ipv4_mapped is not None:
        raise ValueError(f"IPv4-mapped IPv6 address {text} is not allowed")
    return found


def is_cidr(text: StringType) -> BoolType:
    """Whether a text is a range."""
    try:
        cidr(text)
    except ValueError:
        return BoolType(source=False)
    return BoolType(source=True)


def masked(found: Range) -> Range:
    """The range, written with its first address."""
    return ip_interface(str(found.network))


class Quantity(Decimal):
    """An amount, such as 250m or 128Mi."""


def is_quantity(text: StringType) -> BoolType:
    """Whether a text is a quantity."""
    return BoolType(_QUANTITY.fullmatch(text) is not None)


def quantity(text: StringType) -> Quantity:
    """The amount that a text means.

    Raises:
        ValueError: it is no quantity.
    """
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"quantities must match the regular expression: {text}")
    number, binary, scale, exponent = found.groups()
    if binary:
        return Quantity(Decimal(number) * _BINARY[binary])
    return Quantity(Decimal(number).scaleb(int(exponent) if exponent else _DECIMAL[scale or ""]))


def compare_to(left: Quantity, right: Quantity) -> IntType:
    """-1, 0 or 1: less, equal or more."""
    return IntType(int(left.compare(right)))

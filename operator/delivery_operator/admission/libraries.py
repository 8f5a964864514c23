"""CEL functions of Kubernetes' own libraries, those that our rules use: address ranges and quantities.

As k8s.io/apiserver/pkg/cel/library/cidr.go and quantity.go.
"""

import re
from decimal import Decimal
from ipaddress import IPv4Address, ip_interface
from typing import Final

from celpy.celtypes import BoolType, IntType, StringType

_PREFIX: Final = re.compile(r"[^/%]+/(0|[1-9][0-9]{0,2})", re.ASCII)
_QUANTITY: Final = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([KMGTPE]i)|([numkMGTPE]?)|[eE]([+-]?[0-9]+))", re.ASCII
)
_BINARY: Final = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL: Final = {
    letter: 3 * power for power, letter in enumerate(["n", "u", "m", "", "k", "M", "G", "T", "P", "E"], -3)
}


def is_cidr(text: StringType) -> BoolType:
    """Whether a text is an address with the length of its prefix; an IPv4 address within IPv6 is none."""
    if not _PREFIX.fullmatch(text):
        return BoolType(source=False)
    try:
        address = ip_interface(str(text)).ip
    except ValueError:
        return BoolType(source=False)
    return BoolType(isinstance(address, IPv4Address) or address.ipv4_mapped is None)


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

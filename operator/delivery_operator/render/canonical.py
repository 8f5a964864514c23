"""One spelling for one meaning: canonical JSON, digests, and Kubernetes quantities as the API server writes them."""

import hashlib
import json
from decimal import Decimal
from typing import Any, Final

_BINARY: Final[dict[str, int]] = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL: Final[dict[str, int]] = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_SMALLER: Final = {"": Decimal(1), "m": Decimal("0.001")}


def canonical_json(value: object) -> str:
    """Write JSON with sorted keys and no spaces: equal values, equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: object) -> str:
    """Digest of a value's canonical JSON, as 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def quantity(text: str) -> str:
    """Spell a quantity as the API server stores it, e.g. 1000m as 1, 0.5 as 500m, 1024Mi as 1Gi.

    A manifest that holds another spelling would differ from its live object for ever. The rules are those of
    https://pkg.go.dev/k8s.io/apimachinery/pkg/api/resource#Quantity, for the forms that the API admits.
    """
    number, suffix = _split(text)
    if suffix in _BINARY:
        amount = number * _BINARY[suffix]
        # Less than a kilobyte, or part of a byte, is written in decimal.
        return _largest(int(amount), _BINARY) if amount >= _BINARY["Ki"] and amount % 1 == 0 else _decimal(amount)
    return _decimal(number * (_SMALLER[suffix] if suffix in _SMALLER else _DECIMAL[suffix]))


def amount(text: str) -> Decimal:
    """What a quantity comes to, e.g. 0.25 for 250m."""
    number, suffix = _split(text)
    return number * (_SMALLER[suffix] if suffix in _SMALLER else {**_DECIMAL, **_BINARY}[suffix])


def _split(text: str) -> tuple[Decimal, str]:
    digits = text.rstrip("mkKMGTi")
    return Decimal(digits), text[len(digits) :]


def _decimal(amount: Decimal) -> str:
    if amount != amount.to_integral_value():
        milli = int((amount * 1000).to_integral_value(rounding="ROUND_CEILING"))
        return f"{milli}m" if milli % 1000 else _decimal(Decimal(milli // 1000))
    return _largest(int(amount), _DECIMAL)


def _largest(amount: int, units: dict[str, int]) -> str:
    for unit in reversed(units):
        if amount and amount % units[unit] == 0:
            return f"{amount // units[unit]}{unit}"
    return str(amount)


def plain(value: Any) -> Any:
    """Leave out keys whose value is null, at every depth: absent and null mean the same in a manifest.

    Raises:
        TypeError: YAML made of it what JSON has not, or has no one spelling for: a date, a fraction, a key like `on`.
    """
    if isinstance(value, dict):
        return {text_key(key): plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, str):
        return str(value)  # a filter may have made a kind of its own
    if value is None or isinstance(value, int):
        return value
    raise TypeError(f"a value reads as {type(value).__name__} {value}; put it in quotes")


def text_key(key: object) -> str:
    """Take a key that is text.

    Raises:
        TypeError: YAML made something else of it.
    """
    if isinstance(key, str):
        return key
    raise TypeError(f"a key reads as {type(key).__name__} {key}; put it in quotes")

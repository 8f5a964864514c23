"""One spelling for one meaning: canonical JSON, digests, and Kubernetes quantities as the API server writes them."""

import hashlib
import json
from decimal import Decimal
from typing import Any, Final

_BINARY: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_DECIMAL: Final = {"": Decimal(1), "m": Decimal("0.001"), "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9)}
_DECIMAL_T: Final = Decimal(10**12)


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
        if amount == amount.to_integral_value():
            return _largest(int(amount), tuple(reversed(_BINARY.items())))
        return _decimal(amount)
    return _decimal(number * (_DECIMAL_T if suffix == "T" else _DECIMAL[suffix]))


def _split(text: str) -> tuple[Decimal, str]:
    digits = text.rstrip("mkKMGTi")
    return Decimal(digits), text[len(digits) :]


def _decimal(amount: Decimal) -> str:
    if amount != amount.to_integral_value():
        milli = int((amount * 1000).to_integral_value(rounding="ROUND_CEILING"))
        return f"{milli}m" if milli % 1000 else _decimal(Decimal(milli // 1000))
    return _largest(int(amount), (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)))


def _largest(amount: int, units: tuple[tuple[str, int], ...]) -> str:
    for unit, size in units:
        if amount and amount % size == 0:
            return f"{amount // size}{unit}"
    return str(amount)


def drop_none(value: Any) -> Any:
    """Leave out keys whose value is null, at every depth: absent and null mean the same in a manifest."""
    if isinstance(value, dict):
        return {key: drop_none(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [drop_none(each) for each in value]
    return value

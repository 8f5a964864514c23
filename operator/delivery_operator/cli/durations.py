"""Time spans as kubectl writes and reads them."""

import re
from typing import Final

_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def span(seconds: float) -> str:
    """Write a time span by its largest unit, or two when the largest is few: 45s, 3m20s, 5h, 2d."""
    rest = max(0, int(seconds))
    for place, (unit, size) in enumerate(_UNITS):
        count, rest_of_unit = divmod(rest, size)
        if not count:
            continue
        few = count < 10 and place + 1 < len(_UNITS)  # noqa: PLR2004 one digit
        smaller, smaller_size = _UNITS[min(place + 1, len(_UNITS) - 1)]
        more = rest_of_unit // smaller_size
        return f"{count}{unit}{more}{smaller}" if few and more else f"{count}{unit}"
    return "0s"


def duration(text: str) -> float:
    """Read a duration such as 90s, 10m or 1h30m, in seconds.

    Raises:
        ValueError: it is none.
    """
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{text!r} is no duration; write 90s, 10m or 1h30m")
    return float(
        sum(int(count) * size for count, (_, size) in zip(match.groups(), _UNITS, strict=True) if count is not None)
    )

"""Headers that came with a message, on their way on with it."""

from datetime import datetime
from typing import Any, Final

_INTEGERS: Final = range(-(2**63), 2**63)


def sendable(value: Any) -> Any:
    """A header's value as the driver can write it; it reads more than that, such as large numbers, which become text.

    What it cannot write must not get to it: it counts the message before, and takes confirmations for others' from then
    on (aiormq 7.2).
    """
    match value:
        case None | bool() | str() | bytearray() | datetime():
            return value
        case bytes():  # what is no text is read as this, and written as that (pamqp 4.0)
            return bytearray(value)
        case int() if value in _INTEGERS:
            return value
        case dict():
            return {key: sendable(each) for key, each in value.items()}
        case list():
            return [sendable(each) for each in value]
        case _:
            return str(value)

"""Makes one line of a log readable: JSON becomes time, level, message and the rest as key=value."""

import json
from typing import Any, Final

from rich.text import Text

_TIMES: Final = ("timestamp", "time", "ts", "@timestamp")
_LEVELS: Final = ("level", "severity", "levelname", "lvl")
_MESSAGES: Final = ("event", "message", "msg")
_COLOURS: Final = {
    "debug": "dim",
    "info": "green",
    "warning": "yellow",
    "warn": "yellow",
    "error": "red",
    "critical": "bold red",
    "fatal": "bold red",
}


def readable(line: str) -> Text:
    """Write a JSON event for people; any other line stays as it is."""
    event = _event(line)
    if event is None:
        return Text(line)
    time, level, message = (_take(event, names) for names in (_TIMES, _LEVELS, _MESSAGES))
    text = Text()
    if time:
        text.append(f"{time} ", "dim")
    if level:
        text.append(f"{level.upper():<8}", _COLOURS.get(level.lower(), ""))
    text.append(message)
    for name, value in event.items():
        text.append(f" {name}=", "cyan")
        text.append(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _take(event: dict[str, Any], names: tuple[str, ...]) -> str:
    """Take the first of several fields out of an event; empty when it has none of them."""
    for name in names:
        if isinstance(event.get(name), str | int | float):
            return str(event.pop(name))
    return ""

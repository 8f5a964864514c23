"""Markdown that means the same to MkDocs and to a code host."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

_NO_LINK: Final = re.compile(r"\[(?![^\]]*\]\()")
"""A bracket that begins no link."""


def code(text: object) -> str:
    """Text in a fixed-width font, that may stand in a table: a pipe in it would end the cell. Nothing stays nothing."""
    written = str(text)
    if not written:
        return ""
    if "|" in written or "`" in written:
        for character in "&<|*_[":
            written = written.replace(character, f"&#{ord(character)};")
        return f"<code>{written}</code>"
    return f"`{written}`"


def prose(text: str) -> str:
    """Plain text, none of whose characters is markup; what stands in backticks stays code, and links stay links."""
    parts = text.split("`")
    for number in range(0, len(parts), 2):
        for character, escaped in (("&", "&amp;"), ("<", "&lt;"), ("|", "&#124;"), ("*", "\\*")):
            parts[number] = parts[number].replace(character, escaped)
        parts[number] = _NO_LINK.sub(r"\\[", parts[number])
    return " ".join("`".join(parts).split())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def page(title: str, source: str, *parts: str) -> str:
    """A generated page.

    Args:
        title: its heading.
        source: the file that owns what it tells.
        parts: paragraphs, tables, headings.
    """
    note = f"<!-- Generated from {source} by `make generate`. Do not edit. -->"
    return "\n\n".join([note, f"# {title}", *(part.strip("\n") for part in parts if part)]) + "\n"

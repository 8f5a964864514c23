"""The command line, from its tree of commands: of click, or of typer, which has an edition of click of its own."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from docs.markdown import code, page, prose, table


def command_page(root: Any, name: str, source: str, exit_codes: Iterable[tuple[int, str]]) -> str:
    """The page of a command and all that are under it.

    Args:
        root: the command; of a typer application, what typer.main.get_command gives.
        name: how it is called, e.g. `kubectl delivery`.
        source: the file or folder it is written in.
        exit_codes: each exit code and what it means.
    """
    context = root.context_class(root, info_name=name)
    codes = table(("code", ""), [(code(int(number)), prose(meaning)) for number, meaning in exit_codes])
    return page(f"Command line: {name}", source, *_told(root, context), "## Exit codes", codes, *_under(root, context))


def _under(command: Any, context: Any) -> Iterator[str]:
    if not hasattr(command, "list_commands"):
        return
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        if child.hidden:
            continue
        inner = child.context_class(child, info_name=name, parent=context)
        yield f"## {inner.command_path}"
        yield from _told(child, inner)
        yield from _under(child, inner)


def _told(command: Any, context: Any) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield _paragraphs(command.help or "")
    yield f"```text\n{usage}\n```"
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    for kind in ("argument", "option"):
        rows = [_row(each, context) for each in shown if each.param_type_name == kind]
        if rows:
            yield table((kind, ""), rows)
    yield _paragraphs(command.epilog or "")


def _row(parameter: Any, context: Any) -> tuple[str, str]:
    """What --help shows of a parameter: its names with the kind of value, and its text with the default."""
    # click tells nothing of an argument but its name.
    names, told = parameter.get_help_record(context) or (parameter.name, "")
    return code(names), prose(told)


def _paragraphs(text: str) -> str:
    """Help text as Markdown: a paragraph marked to keep its lines keeps them, as when click prints it."""
    paragraphs = []
    for paragraph in inspect.cleandoc(text.split("\f", maxsplit=1)[0]).split("\n\n"):
        if paragraph.startswith("\b"):
            kept = paragraph.removeprefix("\b").strip("\n")
            paragraphs.append(f"```text\n{kept}\n```")
        else:
            paragraphs.append(prose(paragraph))
    return "\n\n".join(each for each in paragraphs if each)

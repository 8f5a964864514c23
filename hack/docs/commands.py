"""The command line, from its click commands (a typer application is one: typer.main.get_command)."""

import inspect
from collections.abc import Iterator

import click

from docs.markdown import code, page, prose, table


def command_page(root: click.Command, name: str, source: str) -> str:
    """The page of a command and all that are under it.

    Args:
        root: the command.
        name: how it is called, e.g. `kubectl delivery`.
        source: the file or folder it is written in.
    """
    context = click.Context(root, info_name=name)
    return page(f"Command line: {name}", source, *_told(root, context), *_under(root, context))


def _under(command: click.Command, context: click.Context) -> Iterator[str]:
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        if child is None or child.hidden:
            continue
        inner = click.Context(child, info_name=name, parent=context)
        yield f"## {inner.command_path}"
        yield from _told(child, inner)
        yield from _under(child, inner)


def _told(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield _help(command.help or command.short_help or "")
    yield f"```text\n{usage}\n```"
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    if arguments:
        rows = [(code(each.make_metavar(context)), prose(getattr(each, "help", None) or "")) for each in arguments]
        yield table(("argument", ""), rows)
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        yield table(("option", "default", ""), [_option(each, context) for each in options])


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    names = ", ".join([*option.opts, *option.secondary_opts])
    shown = names if option.is_flag else f"{names} {option.make_metavar(context)}"
    default = option.get_default(context, call=False)
    plain = default is None or callable(default) or option.is_flag or default == ()
    return code(shown), "" if plain else code(default), prose(option.help or "")


def _help(text: str) -> str:
    """Help text as Markdown: a paragraph marked to keep its lines keeps them, as when click prints it."""
    paragraphs = []
    for paragraph in inspect.cleandoc(text.split("\f", maxsplit=1)[0]).split("\n\n"):
        if paragraph.startswith("\b"):
            kept = paragraph.removeprefix("\b").strip("\n")
            paragraphs.append(f"```text\n{kept}\n```")
        else:
            paragraphs.append(prose(paragraph))
    return "\n\n".join(each for each in paragraphs if each)

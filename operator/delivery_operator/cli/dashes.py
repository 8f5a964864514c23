"""A command line whose words after `--` are a command of their own, and not arguments of this one."""

from typing import Any, Final

from typer.core import TyperCommand

_KEY: Final = "delivery.after-dashes"


class AfterDashes(TyperCommand):
    """Keeps what stands after `--` apart."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what stands before `--`."""
        place = args.index("--") if "--" in args else len(args)
        ctx.meta[_KEY] = args[place + 1 :]
        return super().parse_args(ctx, args[:place])


def after_dashes(ctx: Any) -> list[str]:
    """Return the words after `--`; empty when there are none."""
    found: list[str] = ctx.meta[_KEY]
    return found

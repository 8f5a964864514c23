"""What can go wrong in rendering.

RenderError
└── TemplateError   a template is wrong: names the template, the line and what it asked for
"""


class RenderError(Exception):
    """A service could not be rendered; the message says which part and what to do."""


class TemplateError(RenderError):
    """A template is wrong; it is the platform team's to mend, not the service's owner's."""

    def __init__(self, template: str, line: int | None, problem: str) -> None:
        """Name the place and the problem."""
        where = template if line is None else f"{template}, line {line}"
        super().__init__(f"template {where}: {problem}")

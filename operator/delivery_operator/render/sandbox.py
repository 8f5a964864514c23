"""The Jinja environment of the templates.

Two things make a value unable to leave its place in the YAML, whoever wrote it: every expression is emitted as a JSON
scalar or collection (`finalize`), which is also YAML; and the sandbox refuses attributes that lead out of the data. An
undefined name is an error, not an empty string.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import jinja2
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from delivery_operator.render.canonical import plain
from delivery_operator.render.errors import TemplateError

_PAIR = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")


def to_yaml_scalar(value: object) -> str:
    r"""Write a value as JSON that is YAML too.

    ASCII only, since YAML readers refuse some characters unescaped; JSON's surrogate pairs become YAML's \U escape.
    """
    if isinstance(value, float):
        raise TypeError("a number with a fraction has no one spelling in YAML; use a string")
    return _PAIR.sub(_join, json.dumps(value, sort_keys=True))


def _join(match: re.Match[str]) -> str:
    high, low = int(match[1], 16), int(match[2], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


def _finalize(value: object) -> str:
    if isinstance(value, jinja2.Undefined):
        return str(value)  # StrictUndefined raises here, with the name
    return to_yaml_scalar(value)


def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        autoescape=False,  # the output is YAML, and finalize is the escaping
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


class Template:
    """One compiled template: data in, one Kubernetes object out."""

    def __init__(self, name: str, source: str) -> None:
        """Compile the template.

        Raises:
            TemplateError: the source is not a template.
        """
        self.name = name
        try:
            self._template = _environment().from_string(source)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(name, error.lineno, str(error.message)) from error

    def render(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Render to one object; keys with a null value are left out.

        Raises:
            TemplateError: a name is undefined, an expression fails, or the output is not one YAML mapping.
        """
        try:
            text = self._template.render(context)
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise TemplateError(self.name, _line(error), str(error)) from error
        try:
            document = yaml.load(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            raise TemplateError(self.name, None, f"the output is not YAML: {error}") from error
        if not isinstance(document, dict):
            raise TemplateError(self.name, None, "the output is not one Kubernetes object")
        try:
            rendered: dict[str, Any] = plain(document)
        except TypeError as error:
            raise TemplateError(self.name, None, str(error)) from error
        return rendered


def _line(error: BaseException) -> int | None:
    """Find the template's line in the traceback: Jinja maps its frames to the file name <template>."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line

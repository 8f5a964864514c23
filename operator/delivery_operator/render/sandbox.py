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


class Templates:
    """The templates of a bundle, by file name; each is compiled when it is first used.

    One may include another of the same bundle and nothing else: there is no other place the loader looks in.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        """Keep the sources, file name to text."""
        self._sources = sources
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FunctionLoader(self._load),
            undefined=jinja2.StrictUndefined,
            finalize=_finalize,
            autoescape=False,  # the output is YAML, and finalize is the escaping
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def render(self, file: str, context: Mapping[str, Any]) -> dict[str, Any]:
        """Render one template to one object; keys with a null value are left out.

        Raises:
            TemplateError: it does not compile, a name is undefined, an expression fails, or the output is not one YAML
                mapping.
        """
        try:
            text = self._environment.get_template(file).render(context)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(error.name or file, error.lineno, str(error.message)) from error
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise TemplateError(*self._place(error, file), str(error)) from error
        try:
            document = yaml.load(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            raise TemplateError(file, None, f"the output is not YAML: {error}") from error
        if not isinstance(document, dict):
            raise TemplateError(file, None, "the output is not one Kubernetes object")
        try:
            rendered: dict[str, Any] = plain(document)
        except TypeError as error:
            raise TemplateError(file, None, str(error)) from error
        return rendered

    def _load(self, file: str) -> tuple[str, str, None] | None:
        """Find a source, under its own name: by it a frame of a traceback is told from those of other code."""
        source = self._sources.get(file)
        return None if source is None else (source, file, None)

    def _place(self, error: BaseException, file: str) -> tuple[str, int | None]:
        """Find template and line in the traceback, in which Jinja puts the templates' own; the innermost counts."""
        trace, line = error.__traceback__, None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in self._sources:
                file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            trace = trace.tb_next
        return file, line

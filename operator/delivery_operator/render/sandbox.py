"""The Jinja environment of the templates.

A value cannot leave its place in the YAML, whoever wrote it, because it is never in the YAML: an expression leaves a
mark in the text (`finalize`), and the value takes the mark's place once the text is parsed. So a template writes
`name: {{ name }}`, with no quotes, for text, numbers, lists and mappings alike. The sandbox refuses attributes that
lead out of the data. An undefined name is an error, not an empty string.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import jinja2
import yaml
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from delivery_operator.render.canonical import plain, text_key
from delivery_operator.render.errors import TemplateError

_VALUES: Final = " values"
"""Where a rendering keeps the values of its expressions; with a blank in it, since so no template can name it."""
_MARK: Final = re.compile("\ue000([0-9]+)\ue001")

# They capture text, marks and all, and hand it on as a value.
_CAPTURES: Final = (nodes.Macro, nodes.CallBlock, nodes.AssignBlock)


@jinja2.pass_context
def _finalize(context: Context, value: object) -> str:
    """Keep a value, and leave a mark."""
    if isinstance(value, jinja2.Undefined):
        return str(value)  # StrictUndefined raises here, with the name
    values: list[Any] = context[_VALUES]
    values.append(plain(value))
    return f"\ue000{len(values) - 1}\ue001"


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with macros and the like refused."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Parse a template, as `parse` and `compile` both do."""
        tree = super()._parse(source, name, filename)
        for found in tree.find_all(_CAPTURES):
            problem = "a macro, call or set block makes text, and an expression is data; use include"
            raise jinja2.TemplateSyntaxError(problem, found.lineno, name, filename)
        return tree


class Templates:
    """The templates of a bundle, by file name; each is compiled when it is first used.

    One may include another of the same bundle and nothing else: there is no other place the loader looks in.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        """Keep the sources, file name to text."""
        self._sources = sources
        self._environment = _Environment(
            loader=jinja2.FunctionLoader(self._load),
            undefined=jinja2.StrictUndefined,
            finalize=_finalize,
            autoescape=False,  # there is nothing to escape
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
        values: list[Any] = []
        try:
            text = self._environment.get_template(file).render({**context, _VALUES: values})
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(error.name or file, error.lineno, str(error.message)) from error
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise TemplateError(*self._place(error, file), str(error)) from error
        try:
            document = _parsed(text)
            if not isinstance(document, dict):
                raise TemplateError(file, None, "the output is not one Kubernetes object")
            filled: dict[str, Any] = _filled(document, values)
        except yaml.YAMLError as error:
            raise TemplateError(file, None, f"the output is not YAML: {_without_marks(str(error))}") from error
        except TypeError as error:
            raise TemplateError(file, None, str(error)) from error
        return filled

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


@lru_cache(maxsize=512)
def _parsed(text: str) -> Any:
    """Parse a template's output. Values are not in it, so that many services have the same; it is not to be changed."""
    return plain(yaml.load(text, Loader=yaml.CSafeLoader))


def _filled(tree: Any, values: list[Any]) -> Any:
    """Put the values where their marks are.

    Raises:
        TypeError: a mark is not the whole of a value, or a key is no text.
    """
    if isinstance(tree, dict):
        pairs = [(_filled(key, values), _filled(value, values)) for key, value in tree.items()]
        return {text_key(key): value for key, value in pairs if value is not None}
    if isinstance(tree, list):
        return [_filled(each, values) for each in tree]
    if isinstance(tree, str) and (mark := _MARK.search(tree)):
        if mark[0] != tree:
            raise TypeError(f"an expression is part of the value {_without_marks(tree)}; join with ~ inside of it")
        return values[int(mark[1])]
    return tree


def _without_marks(text: str) -> str:
    return _MARK.sub("{{ ... }}", text)

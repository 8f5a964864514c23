"""Evaluates CEL expressions as the API server's cel-go does, with celpy.

celpy is right in what our rules rest on: sizes in code points, RE2, errors that &&, ||, all() and exists() absorb when
another operand decides. What it does differently is mended here. It has no type checker; the API server checks types
when a CRD or policy is created. It has no optional types (a.?b), no macros with two variables and no cel.bind():
compiling an expression with them raises Unsupported, and a test compiles every expression of every CRD.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import lark
from celpy import Environment, InterpretedRunner
from celpy.celparser import CELParseError
from celpy.celtypes import BoolType, DoubleType, IntType, ListType, MapType, StringType
from celpy.evaluation import CELEvalError, Context, Evaluator, base_functions

from delivery_operator.admission.functions import FUNCTIONS

Schema = Mapping[str, Any]

_MACROS: Final = frozenset({"all", "dyn", "exists", "exists_one", "filter", "has", "map"})
_NAMESPACES: Final = frozenset({"base64", "cel", "format", "lists", "math", "optional", "sets"})
_LEVELS: Final = frozenset(
    {"expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication", "unary", "member"}
)
_VARIABLE_AND_BODY: Final = 2
# Words that CEL keeps for itself: a property of that name is reached as __name__
# (k8s.io/apiserver/pkg/cel/escaping.go).
_RESERVED: Final = frozenset(
    {
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"),
        *("namespace", "null", "package", "return", "true", "var", "void", "while"),
    }
)
_ESCAPES: Final = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))


class Unsupported(Exception):
    """An expression uses what cannot be evaluated here; say it in another way."""


class EvaluationFailed(Exception):
    """An expression has no value: a missing key, an index out of range, a division by zero."""


class Expression:
    """A compiled expression.

    Raises:
        Unsupported: it uses a function or syntax that is not known here.
    """

    def __init__(self, text: str) -> None:
        try:
            tree = _ENVIRONMENT.compile(text)
        except CELParseError as error:
            raise Unsupported(f"{text}: {error}") from error
        _check_functions(tree, text)
        self._names = {str(node.children[0]) for node in tree.find_data("ident")}
        self._program = _ENVIRONMENT.program(_without_chains(tree), functions=FUNCTIONS)

    def uses(self, variable: str) -> bool:
        """Whether the expression mentions a variable."""
        return variable in self._names

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """Evaluate with values that `value` made.

        Raises:
            EvaluationFailed: the result is an error.
        """
        try:
            return self._program.evaluate(dict(variables))
        except CELEvalError as error:
            raise EvaluationFailed(_reason(error)) from error


@cache
def expression(text: str) -> Expression:
    """Compile an expression once.

    Raises:
        Unsupported: it uses a function or syntax that is not known here.
    """
    return Expression(text)


def failed(reason: str) -> CELEvalError:
    """A value that is an error wherever it is used."""
    return CELEvalError(reason, ValueError, ())


def value(json: Any, schema: Schema | None = None) -> Any:
    """Turn a JSON value into a CEL value.

    Args:
        json: The value.
        schema: The structural schema that types it; without one its properties' names are not escaped.
    """
    wanted = schema.get("type") if schema else None
    if isinstance(json, dict):
        return MapType(dict(_entry(name, each, schema) for name, each in json.items()))
    if isinstance(json, list):
        items = schema.get("items") if schema else None
        return ListType([value(each, items) for each in json])
    if isinstance(json, float) and wanted == "integer":
        return failed("invalid data, expected int, got float64")
    if isinstance(json, int) and not isinstance(json, bool) and wanted == "number":
        return DoubleType(json)
    return None if json is None else _SCALARS[type(json)](json)


_SCALARS: Final = {bool: BoolType, int: IntType, float: DoubleType, str: StringType}


def _entry(name: str, json: Any, schema: Schema | None) -> tuple[StringType, Any]:
    if schema and name in schema.get("properties", {}):
        return StringType(_escaped(name)), value(json, schema["properties"][name])
    values = schema.get("additionalProperties") if schema else None
    return StringType(name), value(json, values if isinstance(values, dict) else None)


def _escaped(name: str) -> str:
    if name in _RESERVED:
        return f"__{name}__"
    for character, escape in _ESCAPES:
        name = name.replace(character, escape)
    return name


def _reason(error: CELEvalError) -> str:
    return str(error.args[0]) if error.args else "evaluation failed"


def _check_functions(tree: lark.Tree[Any], text: str) -> None:
    for node in tree.iter_subtrees():
        if node.data == "member_dot_arg":
            name = str(node.children[1])
            if (holder := _lone_identifier(node.children[0])) in _NAMESPACES:
                raise Unsupported(f"{text}: the function {holder}.{name} is not known")
        elif node.data in {"ident_arg", "dot_ident_arg"}:
            name = str(node.children[0])
        else:
            continue
        if name not in _MACROS and name not in FUNCTIONS and name not in base_functions:
            raise Unsupported(f"{text}: the function {name} is not known")
        if name in _MACROS - {"has", "dyn"} and len(node.children[-1].children) > _VARIABLE_AND_BODY + (name == "map"):
            raise Unsupported(f"{text}: {name} takes one variable here")


def _without_chains(node: Any) -> Any:
    """The tree without the levels of the grammar that only pass a value on; celpy would visit each of them."""
    if not isinstance(node, lark.Tree):
        return node
    children = [_without_chains(each) for each in node.children]
    if node.data in _LEVELS and len(children) == 1:
        return children[0]
    return lark.Tree(node.data, children, node.meta)


def _lone_identifier(node: Any) -> str:
    while isinstance(node, lark.Tree) and len(node.children) == 1:
        if node.data == "ident":
            return str(node.children[0])
        node = node.children[0]
    return ""


class _Evaluator(Evaluator):
    """celpy's evaluator, with the errors of cel-go."""

    def sub_evaluator(self, ast: lark.Tree[Any]) -> "_Evaluator":
        return _Evaluator(ast, activation=self.activation)

    def macro_has_eval(self, exprlist: lark.Tree[Any]) -> Any:
        """has(a.b) asks for b alone: when there is no a, it is an error."""
        selection = exprlist
        while selection.data != "member_dot":
            selection = selection.children[0]
        holder = self.visit(selection.children[0])
        return holder if isinstance(holder, CELEvalError) else super().macro_has_eval(exprlist)

    def member_dot_arg(self, tree: lark.Tree[Any]) -> Any:
        """An error inside of a macro is its value: what is around it may absorb it."""
        try:
            arguments = tree.children[-1]
            if tree.children[1] == "map" and len(arguments.children) > _VARIABLE_AND_BODY:
                return self._filtered_map(tree)
            return super().member_dot_arg(tree)
        except CELEvalError as error:
            return error

    def _filtered_map(self, tree: lark.Tree[Any]) -> Any:
        """list.map(variable, condition, body) is list.filter(variable, condition).map(variable, body)."""
        member, _, arguments = tree.children
        variable, condition, body = arguments.children
        filtered = lark.Tree(
            "member_dot_arg", [member, lark.Token("IDENT", "filter"), lark.Tree("exprlist", [variable, condition])]
        )
        mapped = [lark.Tree("member", [filtered]), lark.Token("IDENT", "map"), lark.Tree("exprlist", [variable, body])]
        return super().member_dot_arg(lark.Tree("member_dot_arg", mapped))


class _Runner(InterpretedRunner):
    """Runs expressions with our evaluator."""

    def evaluate(self, context: Context) -> Any:
        return _Evaluator(ast=self.ast, activation=self.new_activation()).evaluate(context)


_ENVIRONMENT: Final = Environment(runner_class=_Runner)

"""CEL functions that the API server has beside the standard ones, and standard ones where celpy's differ from cel-go's.

As k8s.io/apiserver/pkg/cel/environment/base.go: the strings extension, version 2, and regular expressions.
"""

from collections.abc import Callable
from typing import Any

from celpy.celtypes import BoolType, DoubleType, IntType, ListType, StringType
from celpy.evaluation import CELEvalError, bool_eq

from delivery_operator.admission.libraries import cidr, compare_to, is_cidr, is_quantity, masked, quantity
from delivery_operator.admission.pattern import pattern

_UPPER = str.maketrans({chr(code): chr(code - 32) for code in range(ord("a"), ord("z") + 1)})
_LOWER = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


def equal(left: Any, right: Any) -> Any:
    """Compare as cel-go does: values of different types are not equal, and comparing them is no error."""
    for each in (left, right):
        if isinstance(each, CELEvalError):
            return each
    if left is None or right is None:
        return BoolType(left is right)
    if isinstance(left, IntType | DoubleType) and isinstance(right, IntType | DoubleType):
        return BoolType(_number(left) == _number(right))
    try:
        return bool_eq(left, right)
    except TypeError:
        return BoolType(False)  # noqa: FBT003 it is a value


def unequal(left: Any, right: Any) -> Any:
    """The opposite of equal."""
    same = equal(left, right)
    return same if isinstance(same, CELEvalError) else BoolType(not same)


def matches(text: StringType, expression: StringType) -> BoolType:
    """Whether a regular expression is found anywhere in a text."""
    return BoolType(pattern(str(expression)).search(str(text)) is not None)


def find(text: StringType, expression: StringType) -> StringType:
    """The first match; empty when there is none."""
    found = pattern(str(expression)).search(str(text))
    return StringType(found.group() if found else "")


def find_all(text: StringType, expression: StringType, limit: IntType | None = None) -> ListType:
    """All matches, or the first few."""
    found = [StringType(each.group()) for each in pattern(str(expression)).finditer(str(text))]
    return ListType(found if limit is None or limit < 0 else found[:limit])


def to_string(value: Any) -> StringType:
    """The string() conversion; a boolean is true or false."""
    return StringType(str(bool(value)).lower()) if isinstance(value, BoolType) else StringType(value)


def char_at(text: StringType, index: IntType) -> StringType:
    """The character at an index; empty at the end."""
    return substring(text, index, IntType(min(index + 1, len(text))))


def index_of(text: StringType, part: StringType, start: IntType | None = None) -> IntType:
    """Where a part is first found, or -1."""
    return IntType(text.find(part, _within(text, start) if start is not None else 0))


def last_index_of(text: StringType, part: StringType, end: IntType | None = None) -> IntType:
    """Where a part is last found, or -1."""
    return IntType(text.rfind(part) if end is None else text.rfind(part, 0, _within(text, end) + len(part)))


def substring(text: StringType, start: IntType, end: IntType | None = None) -> StringType:
    """The text from one index up to another."""
    stop = len(text) if end is None else _within(text, end)
    if _within(text, start) > stop:
        raise ValueError(f"invalid substring range. start: {start}, end: {stop}")
    return StringType(str(text)[start:stop])


def replace(text: StringType, old: StringType, new: StringType, limit: IntType | None = None) -> StringType:
    """The text with all, or the first few, finds of a part replaced."""
    return StringType(str(text).replace(old, new, -1 if limit is None else int(limit)))


def split(text: StringType, separator: StringType, limit: IntType | None = None) -> ListType:
    """The parts between separators; with a limit, at most that many."""
    if limit == 0:
        return ListType([])
    most = -1 if limit is None or limit < 0 else int(limit) - 1
    if separator:
        parts = str(text).split(separator, most)
    else:
        parts = list(str(text)) if most < 0 or most >= len(text) else [*str(text)[:most], str(text)[most:]]
    return ListType([StringType(each) for each in parts])


def join(parts: ListType, separator: StringType | None = None) -> StringType:
    """Texts in one, with a separator between them."""
    return StringType((separator or "").join(str(each) for each in parts))


def trim(text: StringType) -> StringType:
    """The text without white space at its ends."""
    return StringType(str(text).strip())


def _number(value: IntType | DoubleType) -> float:
    """The plain number: celpy's do not compare with those of another type."""
    return int(value) if isinstance(value, IntType) else float(value)


def _within(text: StringType, index: IntType) -> int:
    if not 0 <= index <= len(text):
        raise ValueError(f"index out of range: {index}")
    return int(index)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "_==_": equal,
    "_!=_": unequal,
    "charAt": char_at,
    "cidr": cidr,
    "compareTo": compare_to,
    "find": find,
    "findAll": find_all,
    "indexOf": index_of,
    "isCIDR": is_cidr,
    "isGreaterThan": lambda left, right: BoolType(compare_to(left, right) > 0),
    "isLessThan": lambda left, right: BoolType(compare_to(left, right) < 0),
    "isQuantity": is_quantity,
    "join": join,
    "lastIndexOf": last_index_of,
    "lowerAscii": lambda text: StringType(str(text).translate(_LOWER)),
    "masked": masked,
    "matches": matches,
    "quantity": quantity,
    "replace": replace,
    "split": split,
    "string": to_string,
    "substring": substring,
    "trim": trim,
    "upperAscii": lambda text: StringType(str(text).translate(_UPPER)),
}

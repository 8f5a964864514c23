"""Regular expressions in the API server's syntax: Go's, which is RE2's."""

from functools import cache
from typing import Any

import re2  # type: ignore[import-untyped] # it has no types


class BadPattern(ValueError):
    """It is no regular expression."""


@cache
def pattern(text: str) -> Any:
    """Compile a regular expression once; the result is used as one of `re`.

    Raises:
        BadPattern: it is none.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options=options)
    except re2.error as error:
        raise BadPattern(f"error parsing regexp: {error}") from error

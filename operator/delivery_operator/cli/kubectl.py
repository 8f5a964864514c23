"""Completion through kubectl itself: it runs `kubectl_complete-delivery` for what comes after `kubectl delivery`.

https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/#support-for-shell-completion
"""

import contextlib
import io
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Final

from delivery_operator.cli.app import program

_PROGRAM: Final = "kubectl-delivery"
_VARIABLE: Final = "_KUBECTL_DELIVERY_COMPLETE"
_NO_FILES: Final = 4
"""cobra's ShellCompDirectiveNoFileComp: what is printed is all there is."""
_DEFAULT: Final = 0
"""cobra's ShellCompDirectiveDefault: where nothing is printed, the shell completes file names."""
_WITH_FILES: Final = frozenset({"validate", "render", "compose", "diff"})
"""Commands whose words are files."""


def main(words: Sequence[str] | None = None) -> int:
    """Print what the last word can be completed to, one a line, and a directive as cobra writes it.

    Args:
        words: what comes after `kubectl delivery`, the last one incomplete; those of the process when None.
    """
    given = list(sys.argv[1:] if words is None else words) or [""]
    os.environ[_VARIABLE] = "complete_bash"
    os.environ["COMP_WORDS"] = shlex.join([_PROGRAM, *given])
    os.environ["COMP_CWORD"] = str(len(given))
    # typer prints, and then ends the process.
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as printed:
        program().main(args=[], prog_name=_PROGRAM, complete_var=_VARIABLE)
    sys.stdout.writelines(f"{each}\n" for each in printed.getvalue().splitlines() if each)
    sys.stdout.write(f":{_DEFAULT if given[0] in _WITH_FILES else _NO_FILES}\n")
    return 0

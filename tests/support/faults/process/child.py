"""What a forked operator does first. It is imported in the child, and so imports little."""

import os
import sys


def operate(environment: dict[str, str], log: str) -> None:
    """Be the operator: take over its environment, let standard output and error be its log, and run."""
    os.environ.update(environment)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(file, stream)
    from delivery_operator.__main__ import main  # noqa: PLC0415 loaded by the fork server already

    sys.exit(main())

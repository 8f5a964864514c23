"""Names of faults out of the names of their classes."""

import re


def title(kind: type) -> str:
    """ "KilledBefore" to "killed before"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__).lower()

"""Objects in little memory: those in use as they are, all others as compressed JSON.

An object of a fleet at rest is read once in a resync. The objects of a service of eight children take a hundred
kilobytes as mappings, and ten as compressed JSON.
"""

import json
import zlib
from collections import OrderedDict
from typing import Any, Final, Generic, TypeVar

Body = dict[str, Any]
K = TypeVar("K")

IN_USE: Final = 256
"""How many are kept as they are: those of some twenty services."""
_LEVEL: Final = 1
"""Of compression; more takes longer and gains little."""


class Bodies(Generic[K]):
    """Objects by key; what is read must not be changed."""

    def __init__(self, in_use: int = IN_USE) -> None:
        """Start empty."""
        self._in_use = in_use
        self._open: OrderedDict[K, Body] = OrderedDict()
        """The last one read or written is the last one."""
        self._packed: dict[K, bytes] = {}
        """What is not open, and what is and has not been written since it was packed."""

    def __getitem__(self, key: K) -> Body:
        """Read one. Raises KeyError when it is not there."""
        body = self._open.get(key)
        if body is None:
            body = json.loads(zlib.decompress(self._packed[key]))
        self._use(key, body)
        return body

    def __setitem__(self, key: K, body: Body) -> None:
        """Keep one."""
        self._packed.pop(key, None)
        self._use(key, body)

    def __delitem__(self, key: K) -> None:
        """Forget one. Raises KeyError when it is not there."""
        if self._open.pop(key, None) is None:
            del self._packed[key]
        else:
            self._packed.pop(key, None)

    def _use(self, key: K, body: Body) -> None:
        self._open[key] = body
        self._open.move_to_end(key)
        if len(self._open) > self._in_use:
            oldest, unused = self._open.popitem(last=False)
            if oldest not in self._packed:
                self._packed[oldest] = zlib.compress(json.dumps(unused, separators=(",", ":")).encode(), _LEVEL)

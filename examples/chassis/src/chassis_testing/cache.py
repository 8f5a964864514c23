"""What is fetched or built once and kept outside the checkout: a folder per program, named by a digest of its pins."""

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

KEY_LENGTH = 16


def home() -> Path:
    """$CHASSIS_TESTING_HOME, else chassis-testing in the user's cache folder."""
    if explicit := os.environ.get("CHASSIS_TESTING_HOME"):
        return Path(explicit).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "chassis-testing"


@dataclass(frozen=True)
class Cached:
    """A folder of the cache that is there whole or not at all."""

    name: str
    pins: tuple[bytes, ...]  # everything that decides what is in it

    @property
    def folder(self) -> Path:
        """Where it is, or would be: other pins have another folder."""
        digest = hashlib.sha256(platform.machine().encode())
        for pin in self.pins:
            digest.update(hashlib.sha256(pin).digest())
        return home() / f"{self.name}-{digest.hexdigest()[:KEY_LENGTH]}"

    @property
    def there(self) -> bool:
        """Whether it was made."""
        return self.folder.is_dir()

    def make(self, fill: Callable[[Path], None]) -> None:
        """Make it, unless it is there: `fill` gets an empty folder to fill. Two callers at once fill it once."""
        with _lock(self.name):
            if self.there:
                return
            draft = self.folder.with_name(f".{self.folder.name}")
            shutil.rmtree(draft, ignore_errors=True)  # of an installation that was interrupted
            draft.mkdir()
            fill(draft)
            draft.rename(self.folder)


@contextlib.contextmanager
def _lock(name: str) -> Iterator[None]:
    path = home() / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the kernel drops the lock of a process that dies
        yield

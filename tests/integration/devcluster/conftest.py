from pathlib import Path

import pytest

from devcluster.binaries import built_binaries
from devcluster.console import Silent
from devcluster.crds import crd_files
from devcluster.home import Home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with no clusters but the binaries and CRDs of the user's own."""
    home, users = Home(tmp_path_factory.mktemp("home")), Home.default()
    built_binaries(users, Silent())
    crd_files(users, Silent())
    home.binaries.symlink_to(users.binaries)
    home.crds.symlink_to(users.crds)
    return home


def programs(home: Home) -> set[str]:
    """Command lines of all processes that have to do with a home, or with a run folder that is named."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(home.root) in line:
            found.add(line)
    return found

import subprocess
from pathlib import Path

import pytest

from devcluster.binaries import Pins
from devcluster.console import Silent
from devcluster.home import Home
from devcluster.node.images import write_program_image
from devcluster.toolchain import find_go

IMAGE = "devcluster-peer:1"


@pytest.fixture(scope="session")
def peer_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of an image with nothing but /peer."""
    go = find_go(Home.default(), Pins.read().go, Silent())
    directory = tmp_path_factory.mktemp("peer")
    source = Path(__file__).parent / "peer/main.go"
    environment = {"CGO_ENABLED": "0", "HOME": str(Path.home()), "PATH": str(go.parent)}
    subprocess.run([go, "build", "-o", directory / "peer", source], check=True, env=environment)
    archive = directory / "peer.tar"
    write_program_image(archive, IMAGE, directory / "peer")
    return archive

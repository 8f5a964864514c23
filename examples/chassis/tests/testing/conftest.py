"""Watches the servers: when a test module is done, no process and no data of theirs may be left."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from chassis_testing.server import Server


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers of this module keep their data in a folder of its own: by that we know their processes."""
    tmp_path_factory.getbasetemp()  # pytest's own folders stay where they are
    folder = Path(tempfile.mkdtemp(prefix="chassis-tests-"))
    folder.chmod(0o711)  # servers that run as another user get through
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        yield
    assert not [process for process in psutil.process_iter() if is_in(process, folder)]
    folder.rmdir()


@pytest.fixture(scope="session")
def listens_on() -> Callable[[Server], set[str]]:
    """Tells the addresses that a server, and what it has started, accepts connections on."""

    def addresses(server: Server) -> set[str]:
        process = psutil.Process(server.pid)
        return {
            connection.laddr.ip.removeprefix("::ffff:")  # Java's sockets are IPv6's
            for member in (process, *process.children(recursive=True))
            for connection in member.net_connections()
            if connection.status == psutil.CONN_LISTEN
        }

    return addresses


def is_in(process: psutil.Process, folder: Path) -> bool:
    """Whether it works in a server's folder, or did so before that was removed."""
    with contextlib.suppress(psutil.Error):
        return process.cwd().startswith(f"{folder}/")
    return False

"""Generated code belongs to its .proto files: generating it again changes nothing."""

import os
import subprocess
import sys
from pathlib import Path


def assert_current(project: Path, package: str, into: Path) -> None:
    """See that `make proto` of a service would change nothing.

    Args:
        project: the service's folder, whose Makefile has the target `proto-into`.
        package: where the generated code is, such as `order_service/pb`.
        into: an empty folder.

    Raises:
        AssertionError: it would.
    """
    # With this very Python, and protoc's plugins beside it: uv need not be on PATH.
    here = Path(sys.executable)
    environment = {**os.environ, "PATH": f"{here.parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "--silent", "proto-into", f"INTO={into}", f"PYTHON={here}"]
    subprocess.run(command, cwd=project, env=environment, check=True)
    generated = {path.name: path.read_bytes() for path in (into / package).iterdir()}
    kept = {path.name: path.read_bytes() for path in (project / "src" / package).glob("*_pb2*")}
    assert generated == kept, "run `make proto`"

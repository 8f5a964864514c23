"""The generated code belongs to the order service's contract: generating it again changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def test_generated_code_is_current(tmp_path: Path) -> None:
    # With this very Python, and protoc's plugins beside it: uv need not be on PATH.
    here = Path(sys.executable)
    environment = {**os.environ, "PATH": f"{here.parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "--silent", "proto-into", f"INTO={tmp_path}", f"PYTHON={here}"]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True)
    generated = {path.name: path.read_bytes() for path in (tmp_path / "payment_service/pb").iterdir()}
    kept = {path.name: path.read_bytes() for path in (PROJECT / "src/payment_service/pb").glob("*_service_pb2*")}
    assert generated == kept, "run `make proto`"

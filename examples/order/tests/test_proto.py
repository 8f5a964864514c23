"""The generated code belongs to proto/: generating it again changes nothing."""

import subprocess
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def test_generated_code_is_current(tmp_path: Path) -> None:
    subprocess.run(["make", "--silent", "proto-into", f"INTO={tmp_path}"], cwd=PROJECT, check=True)
    generated = {path.name: path.read_bytes() for path in (tmp_path / "order_service/pb").iterdir()}
    kept = {path.name: path.read_bytes() for path in (PROJECT / "src/order_service/pb").glob("order_service_pb2*")}
    assert generated == kept, "run `make proto`"

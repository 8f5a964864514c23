"""The generated code belongs to ../order/proto/: generating it again changes nothing."""

from pathlib import Path

from chassis_testing.proto import assert_current


def test_generated_code_is_current(tmp_path: Path) -> None:
    assert_current(Path(__file__).parent.parent, "payment_service/pb", tmp_path)

"""The generated code belongs to the catalogue's contract: generating it again changes nothing."""

from pathlib import Path

from chassis_testing.proto import assert_current


def test_generated_code_is_current(tmp_path: Path) -> None:
    assert_current(Path(__file__).parent.parent, "stand_ins/pb", tmp_path)

"""What images are made of: whole, and nothing of an earlier version."""

from pathlib import Path

from chassis_testing import staging


def test_a_folder_for_each_program_that_no_package_holds(tmp_path: Path) -> None:
    old = tmp_path / "kafka" / "kafka-0.1.jar"
    old.parent.mkdir()
    old.touch()
    assert staging.main([str(tmp_path)]) == 0
    assert {each.name for each in tmp_path.iterdir()} == {"kafka", "mongodb", "stripe-mock"}
    assert not old.exists()
    assert list((tmp_path / "kafka").glob("kafka*.jar"))
    assert (tmp_path / "mongodb" / "StoredMongoServer.class").is_file()
    assert (tmp_path / "stripe-mock" / "stripe-mock").stat().st_mode & 0o111

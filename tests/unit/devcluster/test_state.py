from pathlib import Path

import pytest

from devcluster.processes import Identity, boot_id
from devcluster.state import State


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    state = State(
        "node",
        "fingerprint",
        "/run/devcluster-x",
        port=20000,
        processes={"init": Identity(17, 4711)},
        commands={"etcd": ["etcd"]},
        images={"order:dev": "digest"},
        ready=True,
    )
    state.save(tmp_path)
    assert State.load(tmp_path) == state
    assert state.boot == boot_id()


def test_no_file_is_no_cluster(tmp_path: Path) -> None:
    assert State.load(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"processes": {}, "from": "another version"}'])
def test_a_file_of_something_else_is_an_error_not_an_absent_cluster(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        State.load(tmp_path)

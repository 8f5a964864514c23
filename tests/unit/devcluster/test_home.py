import threading
from pathlib import Path

import pytest

from devcluster.errors import UsageError
from devcluster.home import Home, write_atomically


def test_the_home_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEVCLUSTER_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Home.default().root == tmp_path / "delivery-devcluster"
    monkeypatch.setenv("DEVCLUSTER_HOME", str(tmp_path / "own"))
    assert Home.default().root == tmp_path / "own"


@pytest.mark.parametrize("name", ["dev", "a", "0", "shop-e2e-2", "a" * 40])
def test_names_that_can_be_used(home: Home, name: str) -> None:
    assert home.cluster(name).name == name


@pytest.mark.parametrize("name", ["", "..", "a/b", "Dev", "-a", "a-", "a" * 41, "dev\n"])
def test_names_that_cannot(home: Home, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a cluster's name"):
        home.cluster(name)


def test_a_lock_lets_one_in_at_a_time_and_says_who_waits(home: Home) -> None:
    waiting, entered = threading.Event(), threading.Event()

    def second() -> None:
        with home.lock("subject", waiting.set):
            entered.set()

    with home.lock("subject"), home.lock("another subject"):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        assert not entered.is_set()
    thread.join(10)
    assert entered.is_set()


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, "old")
    write_atomically(path, "new")

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]

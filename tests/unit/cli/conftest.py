"""The command line called in this process, with what it printed."""

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from delivery_operator.cli.__main__ import main
from tests.unit.cli.apiserver import Server, serving

GOLDENS = Path(__file__).parent / "goldens"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Delivery = Callable[..., Ended]
Golden = Callable[[str, str], None]


@pytest.fixture
def delivery(monkeypatch: pytest.MonkeyPatch) -> Delivery:
    """Run `kubectl delivery` with these words and this standard input, as where the output is no terminal."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words: str, stdin: str = "") -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            code = main(words)
        return Ended(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with a golden file, or write it."""

    def check(name: str, text: str) -> None:
        path = GOLDENS / name
        if request.config.getoption("--golden", "check") == "write":
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)
        assert path.read_text() == text, "run `make golden` and look at what it changes"

    return check


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """An API server, and a kubeconfig with two contexts that lead to it; the current one has the namespace shop."""
    with serving() as state:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "here",
                    "clusters": [{"name": "c", "cluster": {"server": state.url}}],
                    "users": [{"name": "u", "user": {}}],
                    "contexts": [
                        {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
                        {"name": "bare", "context": {"cluster": "c", "user": "u"}},
                    ],
                }
            )
        )
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        yield state

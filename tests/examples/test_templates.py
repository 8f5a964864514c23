"""What `init --template` writes is a service that works: its own checks and tests pass, as its README says (OP-13).

All share one environment and mypy's cache, so that each installs and reads only what the one before has not.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from delivery_operator.cli.__main__ import main
from delivery_operator.cli.commands.init import TEMPLATES

ROOT = Path(__file__).parents[2]
CHASSIS = ROOT / "examples" / "chassis"
OURS = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")  # of the environment that runs this test
UV_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "delivery-operator" / "uv" / "bin"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a developer has: uv on the path."""
    subprocess.run([ROOT / "hack" / "uv", "--version"], check=True, stdout=subprocess.DEVNULL)  # it is there after this
    shared = tmp_path_factory.mktemp("shared")
    kept = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith("PYTEST_")}
    return {
        **kept,
        "PATH": f"{os.environ['PATH']}{os.pathsep}{UV_CACHE}",
        "UV_PROJECT_ENVIRONMENT": str(shared / "venv"),
        "MYPY_CACHE_DIR": str(shared / "mypy"),
    }


def make(folder: Path, environment: dict[str, str], *targets: str) -> None:
    ended = subprocess.run(
        ["make", *targets],
        cwd=folder,
        env=environment,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_service_passes_its_own_checks_and_tests(
    template: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "cart", "--template", template, "--chassis", str(CHASSIS)]) == 0
    make(tmp_path / "cart", environment, "lint", "test")
    assert (tmp_path / "cart" / "uv.lock").is_file()


def test_the_chassis_may_come_from_git(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "platform"
    shutil.copytree(CHASSIS, repository / "examples" / "chassis", ignore=shutil.ignore_patterns(".*", "__pycache__"))
    git = ["git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "All"], ["tag", "v1.0.0"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.chdir(tmp_path)
    chassis = f"git+file://{repository}@v1.0.0#subdirectory=examples/chassis"
    assert main(["init", "cart", "--template", "rest", "--chassis", chassis]) == 0
    make(tmp_path / "cart", environment, "setup")
    found = subprocess.run(
        ["uv", "run", "--frozen", "cart", "--help"],
        cwd=tmp_path / "cart",
        env=environment,
        text=True,
        check=True,
        capture_output=True,
    )
    assert "answer HTTP requests" in found.stdout

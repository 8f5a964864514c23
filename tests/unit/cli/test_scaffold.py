"""`init --template` writes a whole service, or nothing (OP-13)."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery_operator.admission.validate import validate
from delivery_operator.cli import scaffold
from delivery_operator.cli.commands.init import TEMPLATES
from delivery_operator.render.bundle import packaged
from tests.unit.cli.conftest import Delivery

RUFF = Path(sys.executable).with_name("ruff")
CHASSIS = packaged().parent / "examples" / "chassis"
GIT = "git+https://git.example.com/platform@v1.0.0#subdirectory=examples/chassis"
LONGEST = "a" + "-long" * 7 + "-one"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command is called in, with a chassis."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "chassis").symlink_to(CHASSIS)
    monkeypatch.chdir(folder)
    return folder


def service(folder: Path) -> Any:
    return yaml.safe_load((folder / "deliveryservice.yaml").read_text())


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def test_the_templates_are_those_in_the_folder() -> None:
    assert sorted(TEMPLATES) == sorted(path.stem for path in (packaged() / "service" / "answers").iterdir())


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", ["b", LONGEST])
def test_a_service_of_any_name_is_in_order(template: str, name: str, here: Path, delivery: Delivery) -> None:
    ended = delivery("init", name, "--template", template)
    assert (ended.code, ended.out) == (0, ""), ended.err
    assert f"next: make -C {name} test" in ended.err
    folder = here / name
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".mako":
            assert not {"{%", "{{", "}}"} & set(path.read_text().split()), path
    for generated in folder.glob("src/*/pb"):  # by `make proto`; ruff only has to see that they are there
        for file in ("notes_pb2.py", "notes_pb2_grpc.py"):
            (generated / file).touch()
    for words in (("check",), ("format", "--diff")):
        checked = subprocess.run([RUFF, *words, "--no-cache", "."], cwd=folder, capture_output=True, check=False)
        assert checked.returncode == 0, checked.stdout.decode()
    assert validate(service(folder)) == []
    assert delivery("render", str(folder / "deliveryservice.yaml")).code == 0
    assert service(folder)["spec"]["image"] == f"registry.example.com/{name}:v0.1.0"
    assert project(folder)["project"]["scripts"] == {name: f"{name.replace('-', '_')}_service.cli:main"}


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_answers_make_the_skeleton_again(template: str, here: Path, delivery: Delivery, tmp_path: Path) -> None:
    assert delivery("init", "cart", "--template", template).code == 0
    made, again = here / "cart", tmp_path / "again"
    scaffold.skeleton(yaml.safe_load((made / scaffold.ANSWERS).read_text()), again)
    texts = {path.relative_to(again): path.read_text() for path in again.rglob("*") if path.is_file()}
    assert texts == {path: (made / path).read_text() for path in texts}
    assert Path("Makefile") in texts


def test_flags_go_into_the_deliveryservice(here: Path, delivery: Delivery) -> None:
    ended = delivery(
        *("init", "cart", "--template", "rest", "--image", "registry.example.com/shop/cart:v2.0.0", "-n", "shop"),
        *("--environment", "production", "--repository", "https://git.example.com/cart", "--revision", "v2.0.0"),
    )
    assert ended.code == 0, ended.err
    body = service(here / "cart")
    assert body["metadata"] == {"name": "cart", "namespace": "shop"}
    assert (body["spec"]["image"], body["spec"]["environment"]) == (
        "registry.example.com/shop/cart:v2.0.0",
        "production",
    )
    assert body["spec"]["codebase"] == {"repository": "https://git.example.com/cart", "revision": "v2.0.0"}


def test_a_chassis_in_a_folder_is_built_with_it(here: Path, delivery: Delivery) -> None:
    (here / "services").mkdir()
    (here / "libraries").mkdir()
    (here / "chassis").rename(here / "libraries" / "chassis")
    assert delivery("init", "cart", "--template", "rest", "--into", "services/cart", "--chassis", "x").code == 6
    chassis = here / "libraries" / "chassis"
    chassis.unlink()
    chassis.mkdir()
    (chassis / "pyproject.toml").write_text('[project]\nname = "chassis"\n')
    words = ("--into", "services/cart", "--chassis", "libraries/chassis")
    ended = delivery("init", "cart", "--template", "rest", *words)
    assert ended.code == 0, ended.err
    folder = here / "services" / "cart"
    assert project(folder)["tool"]["uv"]["sources"]["chassis"]["path"] == "../../libraries/chassis"
    dockerfile = (folder / "Dockerfile").read_text()
    assert "WORKDIR /src/services/cart\n" in dockerfile
    assert "COPY libraries/chassis ../../libraries/chassis\n" in dockerfile
    assert "!services/cart/src\n" in (folder / "Dockerfile.dockerignore").read_text()
    assert (folder / "Makefile").read_text().endswith("--tag cart:dev ../..\n")


def test_a_chassis_in_git_is_a_dependency_like_others(here: Path, delivery: Delivery) -> None:
    (here / "chassis").unlink()
    assert delivery("init", "cart", "--template", "rest", "--chassis", GIT).code == 0
    folder = here / "cart"
    assert project(folder)["tool"]["uv"]["sources"]["chassis"] == {
        "git": "https://git.example.com/platform",
        "rev": "v1.0.0",
        "subdirectory": "examples/chassis",
    }
    dockerfile = (folder / "Dockerfile").read_text()
    assert "ca-certificates git python3-venv" in dockerfile
    assert "chassis" not in dockerfile + (folder / "Dockerfile.dockerignore").read_text()
    assert (folder / "Makefile").read_text().endswith("--tag cart:dev .\n")


def test_a_name_that_is_missing_is_asked_for(here: Path, delivery: Delivery) -> None:
    ended = delivery("init", "--template", "rest", stdin="cart\n")
    assert ended.code == 0, ended.err
    assert (here / "cart" / "Makefile").is_file()


def test_an_empty_folder_is_filled(here: Path, delivery: Delivery) -> None:
    (here / "cart").mkdir()
    assert delivery("init", "cart", "--template", "rest").code == 0
    assert (here / "cart" / "Makefile").is_file()


@pytest.mark.usefixtures("here")
def test_neither_git_nor_settings_of_copier_matter(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.yml"
    settings.write_text("defaults: {main: theirs, shared_processes: true}\n")
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(settings))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert delivery("init", "cart", "--template", "rest").code == 0
    assert "function" in project(Path("cart"))["tool"]["pytest"]["ini_options"]["asyncio_default_fixture_loop_scope"]


REST = ("--template", "rest")
WRONG = [
    (
        2,
        ("cart", "--template", "resty"),
        "there is no template 'resty'; choose one of grpc-postgres, rest, kafka-worker",
    ),
    (2, ("Cart", *REST), "'Cart' cannot be the name of a service; use at most 40 lower-case letters"),
    (2, ("cart-", *REST), "'cart-' cannot be the name of a service"),
    (2, ("a/b", *REST), "'a/b' cannot be the name of a service"),
    (2, (f"{LONGEST}x", *REST), "use at most 40 lower-case letters"),
    (2, ("pytest", *REST), "pytest is the name of a program that the service itself needs; choose another name"),
    (2, ("cart", *REST, "--process", "web=w"), "--process does not go with --template; leave it out"),
    (2, ("cart", *REST, "--migrate", "m"), "--migrate does not go with --template; leave it out"),
    (2, ("cart", *REST, "--revision", "v1"), "--repository is missing; give --repository and --revision together"),
    (2, ("cart", "--image", "a:v1", "--into", "b"), "--into goes with --template only; add --template"),
    (2, ("cart", "--image", "a:v1", "--chassis", "b"), "--chassis goes with --template only; add --template"),
    (
        2,
        ("cart", *REST, "--chassis", "git+https://a.b/c"),
        "--chassis git+https://a.b/c is no package in Git; write it as",
    ),
    (2, ("cart", *REST, "--chassis", "git+ssh://git@a.b/c"), "is no package in Git; write it as git+https://HOST/"),
    (2, ("cart", *REST, "--into", "a b"), "a Dockerfile cannot name a b; use folders of letters"),
    (6, ("cart", *REST, "--image", "a:latest"), "spec.image: Invalid value"),
    (6, ("cart", *REST, "-n", "A_B"), "metadata.namespace: Invalid value"),
    (6, ("cart", *REST, "--chassis", "."), "is not the chassis; give its folder with --chassis, or git+https://"),
    (6, ("cart", *REST, "--into", "full"), "full exists and is not empty; move away what is in it, or name another"),
    (6, ("cart", *REST, "--into", "full/file"), "file exists and is no folder; name another folder with --into"),
    (6, ("cart", *REST, "--into", "none/cart"), "none; make it first, or name another folder with --into"),
    (6, ("cart", *REST, "--into", "."), "is the folder you are in; go up one, or name another folder with --into"),
]


@pytest.mark.parametrize(("code", "words", "message"), WRONG)
def test_what_cannot_be_is_named_and_nothing_is_written(
    code: int, words: tuple[str, ...], message: str, here: Path, delivery: Delivery
) -> None:
    (here / "full").mkdir()
    (here / "full" / "file").touch()
    before = sorted(here.rglob("*"))
    ended = delivery("init", *words)
    assert (ended.code, ended.out) == (code, ""), ended.err
    assert message in ended.err
    assert sorted(here.rglob("*")) == before


def test_a_service_inside_the_chassis_is_refused(
    delivery: Delivery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "chassis"\n')
    monkeypatch.chdir(tmp_path)
    ended = delivery("init", "cart", *REST, "--chassis", ".")
    assert (ended.code, sorted(tmp_path.iterdir())) == (6, [tmp_path / "pyproject.toml"])
    assert "is inside the chassis; name a folder beside it with --into" in ended.err


def test_a_folder_that_somebody_fills_meanwhile_is_left_alone(
    here: Path, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(_: Path) -> None:
        (here / "cart").mkdir()
        (here / "cart" / "theirs").touch()

    monkeypatch.setattr("delivery_operator.cli.newservice._check", check)
    ended = delivery("init", "cart", *REST)
    assert ended.code == 6
    assert "cart cannot be written: Directory not empty; name another folder with --into" in ended.err
    assert sorted(path.name for path in here.iterdir()) == ["cart", "chassis"]
    assert [path.name for path in (here / "cart").iterdir()] == ["theirs"]

"""An image is built when something that goes into it has changed, and only then."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from devcluster.errors import UsageError
from devcluster.home import Home
from devcluster.images import build
from devcluster.images.command import ImageBuildError
from devcluster.images.engine import Progress, Request

NAME = "registry.example.com/shop/order:v1.0.0"


class FakeEngine:
    """Writes an archive like Docker's; its layers are of no interest here."""

    name = "fake"

    def __init__(self) -> None:
        self.bases = "one"
        self.built: list[Request] = []
        self.config = "blobs/sha256/abc"
        self.fails = False

    def build(self, request: Request, archive: Path, log: Path, progress: Progress) -> None:
        progress("1/1 nothing")
        self.built.append(request)
        if self.fails:
            log.write_text("it did not work\n")
            raise ImageBuildError("build ended with exit code 1", log)
        content = json.dumps([{"Config": self.config, "RepoTags": [request.name]}]).encode()
        with tarfile.open(archive, "w") as file:
            member = tarfile.TarInfo("manifest.json")
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(build, "choose_engine", lambda _home: fake)
    return fake


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "a").write_text("a")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.mark.usefixtures("engine")
def test_returns_name_archive_and_digest(context: Path, home: Home) -> None:
    built = build.build_image(context, NAME, home=home)
    assert (built.name, built.digest) == (NAME, "sha256:abc")
    assert built.archive.is_relative_to(home.images)
    assert built.archive.is_file()


def test_reads_the_digest_of_older_archives_too(engine: FakeEngine, context: Path, home: Home) -> None:
    engine.config = "abc.json"
    assert build.build_image(context, NAME, home=home).digest == "sha256:abc"


def test_nothing_is_built_twice(engine: FakeEngine, context: Path, home: Home) -> None:
    first = build.build_image(context, NAME, home=home)
    assert build.build_image(context, NAME, home=home) == first
    assert len(engine.built) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda context, _: (context / "a").write_text("b"),
        lambda context, _: (context / "Dockerfile").write_text("FROM scratch\nUSER 1\n"),
        lambda _, engine: setattr(engine, "bases", "two"),
        lambda _, engine: setattr(engine, "name", "other"),
    ],
    ids=["file", "Dockerfile", "bases", "engine"],
)
def test_a_change_builds_again(
    engine: FakeEngine, context: Path, home: Home, change: Callable[[Path, FakeEngine], None]
) -> None:
    before = build.build_image(context, NAME, home=home)
    change(context, engine)
    after = build.build_image(context, NAME, home=home)
    assert len(engine.built) == 2
    assert before.archive != after.archive


def test_arguments_target_and_name_are_part_of_the_image(engine: FakeEngine, context: Path, home: Home) -> None:
    build.build_image(context, NAME, home=home)
    build.build_image(context, NAME, home=home, target="build")
    build.build_image(context, NAME, home=home, build_args={"A": "1"})
    build.build_image(context, "order:v2", home=home)
    assert [(r.name, r.target, r.build_args) for r in engine.built] == [
        (NAME, None, {}),
        (NAME, "build", {}),
        (NAME, None, {"A": "1"}),
        ("order:v2", None, {}),
    ]


def test_a_failure_shows_the_end_of_the_log_and_is_tried_again(engine: FakeEngine, context: Path, home: Home) -> None:
    engine.fails = True
    with pytest.raises(ImageBuildError) as failed:
        build.build_image(context, NAME, home=home)
    assert "it did not work" in str(failed.value)
    assert str(failed.value.log) in str(failed.value)
    assert failed.value.log.is_file()
    engine.fails = False
    assert build.build_image(context, NAME, home=home).archive.is_file()


def test_old_archives_of_a_name_are_forgotten(context: Path, home: Home, engine: FakeEngine) -> None:
    other = build.build_image(context, "other:v1", home=home)
    archives = []
    for content in ("1", "2", "3"):
        (context / "a").write_text(content)
        archives.append(build.build_image(context, NAME, home=home).archive)
    assert [path.is_file() for path in archives] == [False, True, True]
    assert other.archive.is_file()
    (context / "a").write_text("2")
    build.build_image(context, NAME, home=home)
    assert len(engine.built) == 4


@pytest.mark.usefixtures("engine")
def test_says_what_is_wrong_with_a_request(context: Path, home: Home) -> None:
    with pytest.raises(UsageError, match="has no tag"):
        build.build_image(context, "localhost:5000/order", home=home)
    with pytest.raises(UsageError, match="There is no Dockerfile"):
        build.build_image(context, NAME, dockerfile=context / "Containerfile", home=home)

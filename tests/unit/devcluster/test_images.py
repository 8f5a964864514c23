import io
import json
import tarfile
from pathlib import Path

import pytest

from devcluster.errors import ImageError
from devcluster.node.images import Importer, full_name, read_archive, write_program_image
from tests.unit.devcluster.conftest import StandIn


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    program = tmp_path / "pause"
    program.write_bytes(b"program")
    write_program_image(tmp_path / "pause.tar", "pause:1", program)
    return tmp_path / "pause.tar"


def test_a_written_image_can_be_read_and_is_the_same_each_time(archive: Path, tmp_path: Path) -> None:
    first = archive.read_bytes()
    digests = read_archive(archive).digests
    write_program_image(archive, "pause:1", tmp_path / "pause")
    assert archive.read_bytes() == first
    assert list(digests) == ["pause:1"]
    assert len(digests["pause:1"]) == 64


def test_archives_of_newer_dockers_keep_their_configuration_elsewhere(tmp_path: Path) -> None:
    manifest = json.dumps([{"Config": "blobs/sha256/abc", "RepoTags": ["order:dev"], "Layers": []}]).encode()
    with tarfile.open(tmp_path / "image.tar", "w") as tar:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(manifest)
        tar.addfile(entry, io.BytesIO(manifest))
    assert read_archive(tmp_path / "image.tar").digests == {"order:dev": "abc"}


def test_a_file_that_is_no_archive_is_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_text("nothing")
    with pytest.raises(ImageError, match="docker save"):
        read_archive(tmp_path / "image.tar")


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("order:dev", "docker.io/library/order:dev"),
        ("shop/order:dev", "docker.io/shop/order:dev"),
        ("registry.example.com/order:1", "registry.example.com/order:1"),
        ("registry:5000/order:1", "registry:5000/order:1"),
        ("localhost/order:1", "localhost/order:1"),
    ],
)
def test_names_are_those_containerd_uses(name: str, full: str) -> None:
    assert full_name(name) == full


LISTS = """case "$*" in
*" list "*) cat $CALLS.images 2>/dev/null || true;;
*) echo docker.io/library/pause:1 >$CALLS.images;;
esac"""


def imports(calls: Path) -> int:
    return calls.read_text().count(" import ")


def test_an_archive_is_loaded_once(archive: Path, stand_in: StandIn) -> None:
    calls = stand_in("ctr", LISTS)
    importer = Importer(Path("/run/c.sock"), "ctr", {})
    assert importer.load(str(archive)) is True
    assert importer.load(str(archive)) is False
    assert imports(calls) == 1
    assert f"--address /run/c.sock --namespace k8s.io images import {archive}" in calls.read_text()


def test_it_is_loaded_again_if_it_has_changed_or_the_node_has_lost_it(archive: Path, stand_in: StandIn) -> None:
    calls = stand_in("ctr", LISTS)
    importer = Importer(Path("/run/c.sock"), "ctr", {"pause:1": "another digest"})
    assert importer.load(str(archive)) is True
    calls.with_name("ctr.calls.images").unlink()
    assert importer.load(str(archive)) is True
    assert imports(calls) == 2


def test_an_image_of_the_local_storage_is_saved_only_if_it_is_new(archive: Path, stand_in: StandIn) -> None:
    digest = read_archive(archive).digests["pause:1"]
    stand_in("ctr", LISTS)
    buildah = stand_in(
        "buildah",
        f'[ "$1" = inspect ] && {{ echo {digest}; exit; }}; to=${{4#docker-archive:}}; cp {archive} ${{to%:pause:1}}',
    )
    importer = Importer(Path("/run/c.sock"), "ctr", {})
    assert importer.load("pause:1") is True
    assert importer.load("pause:1") is False
    assert buildah.read_text().count("push --quiet pause:1 docker-archive:") == 1


def test_an_image_nobody_has_is_an_error_that_names_it(stand_in: StandIn) -> None:
    for program in ("ctr", "buildah", "docker"):
        stand_in(program, "exit 1")
    with pytest.raises(ImageError, match="order:dev is neither a file nor an image"):
        Importer(Path("/run/c.sock"), "ctr", {}).load("order:dev")

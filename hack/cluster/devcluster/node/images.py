"""Container images on a node: from an archive, or from the local storage of buildah or Docker."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import ImageError

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Archive:
    """A docker-archive file: the names of its images, each with the digest of the image's configuration."""

    path: Path
    digests: dict[str, str]


def read_archive(path: Path) -> Archive:
    """Look into an archive without unpacking it.

    Raises:
        ImageError: it is no docker-archive, or its images have no names.
    """
    try:
        with tarfile.open(path) as archive:
            manifest = archive.extractfile("manifest.json")
            assert manifest is not None, "manifest.json is a file"
            images = json.load(manifest)
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        message = f"{path} is no image archive that can be loaded ({error}): make one with `docker save` or buildah."
        raise ImageError(message) from error
    digests = {
        name: Path(image["Config"]).name.removesuffix(".json") for image in images for name in image["RepoTags"] or ()
    }
    if not digests:
        message = f"The images in {path} have no names: save them by name, not by ID."
        raise ImageError(message)
    return Archive(path, digests)


@dataclass(frozen=True)
class Storage:
    """A local image storage: how to ask for an image's digest, and how to write an archive of it."""

    program: str
    inspect: tuple[str, ...]
    save: Callable[[str, Path], list[str]]

    def digest(self, image: str) -> str | None:
        """The digest of an image's configuration; None if it is not here."""
        if not shutil.which(self.program):
            return None
        done = subprocess.run([self.program, *self.inspect, image], capture_output=True, text=True, check=False)
        return done.stdout.strip().removeprefix("sha256:") if done.returncode == 0 else None

    def write(self, image: str, path: Path) -> None:
        """Write an archive.

        Raises:
            ImageError: it could not be written.
        """
        done = subprocess.run([self.program, *self.save(image, path)], capture_output=True, text=True, check=False)
        if done.returncode:
            message = f"{self.program} could not save {image}: {done.stderr.strip()}"
            raise ImageError(message)


STORAGES = (
    Storage(
        "buildah",
        ("inspect", "--type", "image", "--format", "{{.FromImageID}}"),
        lambda image, path: ["push", "--quiet", image, f"docker-archive:{path}:{image}"],
    ),
    Storage(
        "docker",
        ("image", "inspect", "--format", "{{.Id}}"),
        lambda image, path: ["save", "--output", str(path), image],
    ),
)


class Importer:
    """Loads images into one containerd. `known` remembers what it has: name to digest."""

    def __init__(self, socket: Path, ctr: str, known: dict[str, str]) -> None:
        """`socket` is containerd's."""
        self._ctr = [ctr, "--address", str(socket), "--namespace", "k8s.io", "images"]
        self.known = known

    def load(self, image: str) -> bool:
        """Load an archive (a path) or an image of the local storage (a name); False if the node had it already.

        Raises:
            ImageError: there is no such image, or containerd refused it.
        """
        if Path(image).is_file():
            return self._load_archive(read_archive(Path(image)))
        for storage in STORAGES:
            digest = storage.digest(image)
            if digest is None:
                continue
            if self._has(image, digest):
                return False
            with tempfile.TemporaryDirectory(prefix="devcluster-image-") as directory:
                path = Path(directory) / "image.tar"
                storage.write(image, path)
                return self._load_archive(read_archive(path))
        message = f"{image} is neither a file nor an image in the local storage of buildah or Docker. Build it first."
        raise ImageError(message)

    def _load_archive(self, archive: Archive) -> bool:
        if all(self._has(name, digest) for name, digest in archive.digests.items()):
            return False
        self._run("import", str(archive.path))
        self.known.update(archive.digests)
        return True

    def _has(self, name: str, digest: str) -> bool:
        return self.known.get(name) == digest and full_name(name) in self._run("list", "--quiet").split()

    def _run(self, *args: str) -> str:
        done = subprocess.run([*self._ctr, *args], capture_output=True, text=True, check=False)
        if done.returncode:
            message = f"ctr images {' '.join(args)}: {done.stderr.strip()}"
            raise ImageError(message)
        return done.stdout


def full_name(name: str) -> str:
    """The name containerd keeps an image under: with the registry that Docker leaves out."""
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"


def write_program_image(archive: Path, name: str, program: Path) -> None:
    """Write the archive of an image that holds one static program and runs it."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        entry = tar.gettarinfo(str(program), arcname=program.name)
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        entry.mode = 0o755
        with program.open("rb") as content:
            tar.addfile(entry, content)
    diff = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps(
        {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"], "User": "65535:65535"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    draft = archive.with_name(f".{archive.name}")
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(draft, "w") as tar:
        for file, content_bytes in (
            ("layer.tar", layer.getvalue()),
            (config_name, config),
            ("manifest.json", manifest),
        ):
            info = tarfile.TarInfo(file)
            info.size = len(content_bytes)
            tar.addfile(info, io.BytesIO(content_bytes))
    draft.replace(archive)

"""A registry that gives out one image, to a node that has no way out: what a pull is made of, as it is over the wire.

Of the distribution specification it knows what a pull needs. The image comes from an archive and gets one layer more,
so that pulling it takes room even where the node has the rest of it.
"""

import contextlib
import hashlib
import io
import json
import shutil
import socket
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

OCI = "application/vnd.oci.image"
PADDING = "padding"
"""The file that the additional layer holds."""


@dataclass(frozen=True)
class Image:
    """An image in an archive, with a layer of this many bytes more."""

    archive: Path
    name: str
    padding: int

    def blobs(self) -> dict[str, bytes | str]:
        """Return what can be asked for, by digest and by tag: its bytes, or the name of the archive's member."""
        with tarfile.open(self.archive) as file:
            said = json.load(_member(file, "manifest.json"))[0]
            config = json.load(_member(file, said["Config"]))
            layers = dict(zip(config["rootfs"]["diff_ids"], said["Layers"], strict=True))
            sizes = {digest: file.getmember(layer).size for digest, layer in layers.items()}
        padding = _layer(self.padding)
        sizes[_digest(padding)] = len(padding)
        config["rootfs"]["diff_ids"].append(_digest(padding))
        config["history"] = [*config.get("history", ()), {"created_by": PADDING}]
        written = json.dumps(config).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": f"{OCI}.manifest.v1+json",
                "config": {"mediaType": f"{OCI}.config.v1+json", "digest": _digest(written), "size": len(written)},
                "layers": [
                    {"mediaType": f"{OCI}.layer.v1.tar", "digest": digest, "size": size}
                    for digest, size in sizes.items()
                ],
            }
        ).encode()
        own = {_digest(each): each for each in (padding, written, manifest)}
        return {**layers, **own, self.name.rpartition(":")[2]: manifest}


@contextlib.contextmanager
def serve(image: Image, listener: socket.socket) -> Iterator[list[str]]:
    """Answer on this socket; the list grows by the path of each request."""
    blobs, asked = image.blobs(), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path = urlsplit(self.path).path
            asked.append(path)
            reference = path.rpartition("/")[2]
            blob = blobs.get(reference)
            if blob is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            with tarfile.open(image.archive) as archive:
                content, size = _content(archive, blob)
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Length", str(size))
                self.send_header("Content-Type", f"{OCI}.manifest.v1+json" if "/manifests/" in path else f"{OCI}.layer")
                if isinstance(blob, bytes):
                    self.send_header("Docker-Content-Digest", _digest(blob))
                self.end_headers()
                if body:
                    with contextlib.suppress(ConnectionError):  # who has no room left hangs up
                        shutil.copyfileobj(content, self.wfile)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class's name
            """Nothing: what was asked for is in the list."""

    server = ThreadingHTTPServer(listener.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    answering = threading.Thread(target=server.serve_forever, name="registry")
    answering.start()
    try:
        yield asked
    finally:
        server.shutdown()
        answering.join()
        server.server_close()


def _content(archive: tarfile.TarFile, blob: bytes | str) -> tuple[IO[bytes], int]:
    if isinstance(blob, bytes):
        return io.BytesIO(blob), len(blob)
    return _member(archive, blob), archive.getmember(blob).size


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    assert found is not None, f"{name} is a file"
    return found


def _layer(size: int) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as layer:
        entry = tarfile.TarInfo(PADDING)
        entry.size = size
        layer.addfile(entry, io.BytesIO(bytes(size)))
    return written.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"

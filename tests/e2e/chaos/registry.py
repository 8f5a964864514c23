"""A registry with one image, for a containerd on the same address: python registry.py PORT MANIFEST BLOB...

Speaks as much of the OCI distribution protocol as a pull needs (https://github.com/opencontainers/distribution-spec).
"""

import hashlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def handler(manifest: bytes, blobs: dict[str, bytes]) -> type[BaseHTTPRequestHandler]:
    class Pull(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            content = self._answer()
            self.wfile.write(content)

        def _answer(self) -> bytes:
            _, kind, name = self.path.rsplit("/", 2)
            content = manifest if kind == "manifests" else blobs.get(name, b"")
            self.send_response(200 if content or self.path == "/v2/" else 404)
            self.send_header("Content-Type", MANIFEST if kind == "manifests" else "application/octet-stream")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", digest(content))
            self.end_headers()
            return content

        def log_message(self, *_: object) -> None:
            pass

    return Pull


def main() -> None:
    port, manifest, *files = sys.argv[1:]
    blobs = {digest(content): content for content in (Path(file).read_bytes() for file in files)}
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), handler(Path(manifest).read_bytes(), blobs))
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()

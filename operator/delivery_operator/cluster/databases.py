"""Which database a Secret leads to, whoever logs in: hosts, ports and the database's name, without credentials.

Two services share a database when these are equal, whatever the Secret, the user, the driver and the notation of each.
It is read from every URL or connection string among the Secret's values, and from the entries host, port and database
(https://servicebinding.io/spec/core/1.1.0/#well-known-secret-entries). A database that is reached under two names, such
as an address and an alias, is taken for two.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from delivery_operator.api.binding import DATABASES

_URL: Final = re.compile(r"(?:jdbc:)?([a-z][a-z0-9]*)(?:\+[a-z0-9]+)?://([^?#;]*)(.*)", re.DOTALL | re.IGNORECASE)
_NAMED_IN_OPTIONS: Final = re.compile(r";\s*database(?:name)?\s*=\s*([^;]+)", re.IGNORECASE)
_GO: Final = re.compile(r"[^\s/]*@tcp\(([^)]*)\)/([^?\s]*)(?:\?\S*)?")
# Each word is read once: whoever may write a Secret must not have the operator read it for hours.
_WORDS: Final = re.compile(r"(?<!\w)(\w++)\s*+=\s*+('[^']*+'|\S++)")
_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::(\d+))?", re.IGNORECASE)
_SCHEMES: Final = {**DATABASES, "postgres": 5432, "mysql2": 3306}
_SUFFIX: Final = ".cluster.local"
_LONGEST: Final = 4096
"""Bytes: what is longer is a file, and tells no location."""

Host = tuple[str, int | None]


@dataclass(frozen=True)
class Location:
    """Where one database is.

    Attributes:
        hosts: in order; the port is None where nothing tells it.
        database: its name; empty for a whole server.
    """

    hosts: tuple[Host, ...]
    database: str

    def identity(self, port: int | None) -> str:
        """One text for one database; `port` stands in for those that are not told."""
        return f"{','.join(sorted(f'{host}:{own or port}' for host, own in self.hosts))}/{self.database}"


def locations(values: Mapping[str, bytes], namespace: str) -> frozenset[Location]:
    """Read every location that a Secret of this namespace tells; none when it tells none."""
    texts = {
        name.lower(): value.decode(errors="replace").strip() for name, value in values.items() if len(value) <= _LONGEST
    }
    found = [location for text in texts.values() for location in _of_text(text)] or _of_entries(texts)
    return frozenset(
        Location(tuple((_full(host, namespace), port) for host, port in at.hosts), at.database) for at in found
    )


def _of_entries(texts: Mapping[str, str]) -> list[Location]:
    host, port = texts.get("host") or texts.get("hostname") or "", texts.get("port", "")
    hosts = _hosts(host, int(port) if port.isdecimal() else None)
    return [Location(hosts, texts.get("database") or texts.get("dbname") or "")] if hosts else []


def _of_text(text: str) -> Iterator[Location]:
    """Read a URL, the notation of Go's MySQL driver, or the keywords of libpq."""
    url = _URL.fullmatch(text)
    if url:
        default = _SCHEMES.get(url[1].lower())
        if default is None:
            return
        where, _, path = url[2].rpartition("@")[2].partition("/")
        named = _NAMED_IN_OPTIONS.match(url[3])
        hosts = _hosts(where, default)
        if hosts:
            yield Location(hosts, named[1].strip() if named else unquote(path.partition("/")[0]))
        return
    go = _GO.fullmatch(text)
    if go and (hosts := _hosts(go[1], DATABASES["mysql"])):
        yield Location(hosts, unquote(go[2]))
        return
    words = {name.lower(): value.strip("'") for name, value in _WORDS.findall(text)}
    if {"host", "dbname"} <= {*words}:
        port = int(words["port"]) if words.get("port", "").isdecimal() else DATABASES["postgresql"]
        if hosts := _hosts(words["host"], port):
            yield Location(hosts, words["dbname"])


def _hosts(text: str, port: int | None) -> tuple[Host, ...]:
    """Read `host[:port],…`; empty when it is none."""
    matches = [_HOST.fullmatch(each.strip()) for each in text.split(",")]
    if not all(matches):
        return ()
    return tuple((match[1].lower().rstrip("."), int(match[2]) if match[2] else port) for match in matches if match)


def _full(host: str, namespace: str) -> str:
    """The name of a host as every namespace knows it: `db`, `db.shop` and `db.shop.svc` are one in namespace shop."""
    if host.endswith(f".svc{_SUFFIX}"):
        return host.removesuffix(_SUFFIX)
    dots = host.count(".")
    if host.startswith("[") or dots > 1 or host == "localhost":
        return host
    return f"{host}.svc" if dots else f"{host}.{namespace}.svc"

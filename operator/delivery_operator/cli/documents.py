"""Reads Kubernetes objects from files: several documents each, or standard input as `-`."""

import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml
from pydantic import ValidationError

from delivery_operator.api.base import API_VERSION
from delivery_operator.api.environment import KIND as ENVIRONMENT
from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.service import DEFAULT_ENVIRONMENT, DeliveryServiceSpec
from delivery_operator.api.service import KIND as SERVICE
from delivery_operator.cli.exits import BadInput

STDIN: Final = "-"
_TAG: Final = "tag:yaml.org,2002:"
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True)
class Document:
    """One object of a file.

    Attributes:
        file: path as it was given, or `stdin`.
        number: place in the file, from 1.
        body: the object.
    """

    file: str
    number: int
    body: dict[str, Any]

    def __str__(self) -> str:
        """Name the place, and the object if it says its name."""
        name = self.name
        return f"{self.file}: document {self.number}" + (f" ({self.kind} {name})" if name else "")

    @property
    def kind(self) -> str:
        """Kind of the object, or an empty string."""
        return str(self.body.get("kind") or "")

    @property
    def name(self) -> str:
        """metadata.name, or an empty string."""
        metadata = self.body.get("metadata")
        return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""


@dataclass(frozen=True)
class Service:
    """A DeliveryService of a file, ready to render."""

    document: Document
    name: str
    namespace: str
    spec: DeliveryServiceSpec


class _Loader(yaml.CSafeLoader):
    """Reads what is written without quotes as kubectl does: a date is text, and so is a time of the day.

    YAML 1.1, which PyYAML follows, makes them dates and numbers to the base of 60.
    """


def _missing(what: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, f"JSON has no {what}", node.start_mark)


def _unknown(_: yaml.CSafeLoader, node: yaml.Node) -> NoReturn:
    raise _missing(node.tag.removeprefix(_TAG), node)


def _whole(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> int | str:
    try:
        return int(loader.construct_yaml_int(node))
    except (ValueError, IndexError):  # 0x_, say; or nothing at all
        return str(loader.construct_scalar(node))


def _broken(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> float | str:
    text = str(loader.construct_scalar(node))
    try:
        number = float(loader.construct_yaml_float(node))
    except (ValueError, IndexError):
        return text  # as it is tagged, and is not
    if math.isfinite(number):
        return number
    if text.lower().endswith(("inf", "nan")):
        raise _missing(text, node)
    return text  # too large for a number, such as the short hash of a commit, 12e4567


def _as_kubectl(loader: type[yaml.CSafeLoader]) -> None:
    ours = {f"{_TAG}{kind}" for kind in ("timestamp", "int", "float")}
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag not in ours]
        for first, known in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }
    whole = r"^[-+]?(0b[0-1_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"
    broken = r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    loader.add_implicit_resolver(f"{_TAG}int", re.compile(whole), list("-+0123456789"))
    loader.add_implicit_resolver(f"{_TAG}float", re.compile(broken), list("-+.0123456789"))
    loader.add_constructor(f"{_TAG}int", _whole)
    loader.add_constructor(f"{_TAG}float", _broken)
    for kind in ("timestamp", "binary", "set", "omap", "pairs"):  # asked for by a tag: JSON has none of them
        loader.add_constructor(f"{_TAG}{kind}", _unknown)


_as_kubectl(_Loader)


def read(files: Sequence[str]) -> list[Document]:
    """Read every object of files, folders (their .yaml, .yml and .json files) and `-`; items of a List one by one.

    Raises:
        BadInput: a file cannot be read, is not YAML, or holds something other than objects.
    """
    return [document for name in files for path in _paths(name) for document in _documents(path)]


def services(files: Sequence[str], namespace: str | None, otherwise: str = "default") -> list[Service]:
    """Read the DeliveryServices of files; other objects are passed over.

    Args:
        files: as for `read`.
        namespace: the one that was asked for; of objects that name none, and no other.
        otherwise: of objects that name none, where none was asked for.

    Raises:
        BadInput: as for `read`; or there is no DeliveryService, or one is not valid, or is of another namespace.
    """
    found = [_service(each, namespace, otherwise) for each in read(files) if _ours(each, SERVICE)]
    if not found:
        raise BadInput(
            f"there is no {SERVICE} in {', '.join(files)}", "name a file that has one (kubectl delivery init)"
        )
    return found


def environments(files: Sequence[str]) -> dict[str, DeliveryEnvironmentSpec]:
    """Read the DeliveryEnvironments of files, by name.

    Raises:
        BadInput: as for `read`; or there is none, or one is not valid.
    """
    found = {}
    for document in read(files):
        if _ours(document, ENVIRONMENT):
            try:
                found[document.name] = DeliveryEnvironmentSpec.model_validate(document.body.get("spec") or {})
            except ValidationError as error:
                raise BadInput(
                    f"{document}: {_first(error)}", "mend it; kubectl delivery validate lists all"
                ) from error
    if files and not found:
        raise BadInput(f"there is no {ENVIRONMENT} in {', '.join(files)}", "name a file that has one")
    return found


def environment_of(service: Service, known: dict[str, DeliveryEnvironmentSpec], remedy: str) -> DeliveryEnvironmentSpec:
    """Return the environment a service names; the built-in defaults for `default` where it is not described.

    Raises:
        BadInput: it names another one, and that is not known.
    """
    name = service.spec.environment
    if name in known:
        return known[name]
    if name == DEFAULT_ENVIRONMENT:
        return DeliveryEnvironmentSpec()
    raise BadInput(f"{service.document}: environment {name} is not known", remedy)


def _paths(name: str) -> list[str]:
    path = Path(name)
    if name != STDIN and path.is_dir():
        return [str(each) for each in sorted(path.iterdir()) if each.suffix in _SUFFIXES]
    return [name]


def _documents(name: str) -> Iterator[Document]:
    shown = "stdin" if name == STDIN else name
    try:
        text = sys.stdin.read() if name == STDIN else Path(name).read_text(encoding="utf-8")
        loaded = list(yaml.load_all(text, Loader=_Loader))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(
            f"cannot read {shown}: {reason}", "name a file with Kubernetes objects, or - for stdin"
        ) from error
    except yaml.YAMLError as error:
        raise BadInput(f"{shown} is not YAML: {error}", "mend it at that place") from error
    for number, body in enumerate(loaded, 1):
        if body is None:
            continue
        if not isinstance(body, dict):
            raise BadInput(f"{shown}: document {number} is not an object", "write apiVersion, kind, metadata and spec")
        items = body["items"] if body.get("kind") == "List" and isinstance(body.get("items"), list) else [body]
        yield from (Document(shown, number, item) for item in items if isinstance(item, dict))


def _ours(document: Document, kind: str) -> bool:
    return document.kind == kind and document.body.get("apiVersion") == API_VERSION


def _service(document: Document, namespace: str | None, otherwise: str) -> Service:
    if not document.name:
        raise BadInput(f"{document}: metadata.name is missing", "give the service a name")
    try:
        spec = DeliveryServiceSpec.model_validate(document.body.get("spec") or {})
    except ValidationError as error:
        raise BadInput(
            f"{document}: {_first(error)}", "mend it; kubectl delivery validate lists all problems"
        ) from error
    own = document.body["metadata"].get("namespace")
    if namespace and own and own != namespace:
        raise BadInput(
            f"{document}: its namespace is {own}, not {namespace}", "leave out -n, or the namespace in the file"
        )
    return Service(document, document.name, own or namespace or otherwise, spec)


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"spec.{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"

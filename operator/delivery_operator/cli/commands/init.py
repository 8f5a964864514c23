"""`init`: a DeliveryService from questions or flags, or with a template a whole service."""

import shlex
import sys
from collections.abc import Iterable
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError

from delivery_operator.api.base import API_VERSION
from delivery_operator.api.process import Protocol
from delivery_operator.api.service import KIND, DeliveryServiceSpec
from delivery_operator.cli.backing import KNOWN
from delivery_operator.cli.exits import Wrong
from delivery_operator.cli.output import Format, write

EXAMPLES = (
    "kubectl delivery init",
    "kubectl delivery init order --image registry.example.com/shop/order:v1.0.0 > order.yaml",
    'kubectl delivery init order --image registry.example.com/shop/order:v1.0.0 --process web="order web" \\',
    '  --port web=50051/grpc --process relay="order relay" --backing-service db=postgresql:15 \\',
    '  --migrate "order migrate" > order.yaml',
    "kubectl delivery init cart --template rest --chassis ../delivery-operator/examples/chassis",
)
TEMPLATES: Final = ("grpc-postgres", "rest", "kafka-worker", "rabbit-worker")
"""Folders of templates/service; named here, so that no start of the command line looks for them on the disk."""

_WEB: Final = "web"
_DEFAULT_PORT: Final = "8080/http"
_MANY: Final = {"show_default": False}


def command(  # noqa: PLR0913 its options
    name: Annotated[str | None, typer.Argument(help="Name of the service.", show_default=False)] = None,
    *,
    image: Annotated[
        str | None, typer.Option("--image", help="Image of every process, with a fixed tag.", show_default=False)
    ] = None,
    namespace: Annotated[str | None, typer.Option("-n", "--namespace", help="Namespace.", show_default=False)] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", help="The DeliveryEnvironment. Default: default.", show_default=False)
    ] = None,
    repository: Annotated[str | None, typer.Option("--repository", help="URL of the source.", **_MANY)] = None,
    revision: Annotated[str | None, typer.Option("--revision", help="Tag or commit of the image.", **_MANY)] = None,
    process: Annotated[
        list[str] | None,
        typer.Option(
            "--process",
            metavar="NAME=COMMAND",
            help="A process type; may be given several times. Default: web, which runs the service's name.",
            **_MANY,
        ),
    ] = None,
    port: Annotated[
        list[str] | None,
        typer.Option(
            "--port",
            metavar="NAME=NUMBER[/PROTOCOL]",
            help="The port of a process: http (default), grpc or tcp. Default: web=8080 where --process is not given.",
            **_MANY,
        ),
    ] = None,
    schedule: Annotated[
        list[str] | None,
        typer.Option("--schedule", metavar="NAME=CRON", help="Run a process at these times.", **_MANY),
    ] = None,
    backing_service: Annotated[
        list[str] | None,
        typer.Option(
            "--backing-service",
            metavar="NAME=TYPE[:VERSION]",
            help=f"An attached resource, such as db=postgresql:15. Known types: {', '.join(sorted(KNOWN))}.",
            **_MANY,
        ),
    ] = None,
    migrate: Annotated[
        str | None, typer.Option("--migrate", metavar="COMMAND", help="Migrates the database.", **_MANY)
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            help=f"Write a whole service into a folder instead. One of: {', '.join(TEMPLATES)}.",
            autocompletion=lambda: list(TEMPLATES),
            **_MANY,
        ),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            "--into", metavar="FOLDER", help="With --template: where. Default: one of the name, here.", **_MANY
        ),
    ] = None,
    chassis: Annotated[
        str | None,
        typer.Option(
            "--chassis",
            metavar="FOLDER|GIT",
            help="With --template: where the chassis is, as a folder or as git+URL@REVISION#subdirectory=PATH. "
            "Default: the folder chassis beside the new one.",
            **_MANY,
        ),
    ] = None,
) -> None:
    """Write a DeliveryService: from flags, or where name or image is missing, from questions.

    It goes to standard output, and the questions do not, so that it can be written to a file. With --template, a whole
    service is written into a folder: program, tests, image and DeliveryService.
    """
    if template is not None:
        own = {"--process": process, "--port": port, "--schedule": schedule}
        _refuse(
            {**own, "--backing-service": backing_service, "--migrate": migrate},
            "does not go with --template",
            "leave it out",
        )
        given = {"image": image, "namespace": namespace, "environment": environment, **_codebase(repository, revision)}
        _begin(template, name, into, chassis, {key: value for key, value in given.items() if value})
        return
    _refuse({"--into": into, "--chassis": chassis}, "goes with --template only", "add --template, or leave it out")
    asked = name is None or image is None
    name = name or _ask("Name of the service")
    image = image or _ask("Image, with its tag")
    if asked:
        process = process or _ask_many("Process as NAME=COMMAND", f"{_WEB}={name} {_WEB}")
        listens = any(each.partition("=")[0] == _WEB for each in process)
        port = port or _ask_many("Port as NAME=NUMBER/PROTOCOL", f"{_WEB}={_DEFAULT_PORT}" if listens else "")
        backing_service = backing_service or _ask_many("Backing service as NAME=TYPE:VERSION", "")
        migrate = migrate or _ask("Migration command (empty for none)", "") or None
    if not process:
        process, port = [f"{_WEB}={name}"], port or [f"{_WEB}={_DEFAULT_PORT}"]
    spec: dict[str, Any] = {"environment": environment} if environment else {}
    if codebase := _codebase(repository, revision):
        spec["codebase"] = codebase
    spec |= {"image": image, "processes": _processes(process, port or (), schedule or ())}
    if backing_service:
        spec["backingServices"] = [_binding(name, each) for each in backing_service]
    if migrate:
        spec["release"] = {"migrate": {"command": _words(migrate, "--migrate")}}
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
    _check(body)
    write(body, Format.YAML)
    for binding in spec.get("backingServices", ()):
        keys = ", ".join(binding["env"].values())
        sys.stderr.write(f"next: create the Secret {binding['secret']} with the key {keys}\n")


def _begin(template: str, name: str | None, into: str | None, chassis: str | None, begins: dict[str, str]) -> None:
    if template not in TEMPLATES:
        raise Wrong(f"there is no template {template!r}", f"choose one of {', '.join(TEMPLATES)}")
    # Imported here: the other ways of this command need none of it.
    from delivery_operator.cli.newservice import Asked, begin  # noqa: PLC0415

    begin(Asked(template, name or _ask("Name of the service"), into, chassis, begins))


def _refuse(flags: dict[str, Any], why: str, remedy: str) -> None:
    for flag, value in flags.items():
        if value:
            raise Wrong(f"{flag} {why}", remedy)


def _ask(question: str, default: str | None = None) -> str:
    """Ask on standard error and read a line; what is answered with nothing is the default, or is asked again."""
    while True:
        sys.stderr.write(f"{question} [{default}]: " if default else f"{question}: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise Wrong(f"the input ended before the answer to: {question}", "answer it, or give flags instead")
        answer = line.strip() or default
        if answer is not None:
            return answer


def _ask_many(question: str, default: str) -> list[str]:
    found: list[str] = []
    while answer := _ask(f"{question}, empty for no more", "" if found else default):
        found.append(answer)
    return found


def _codebase(repository: str | None, revision: str | None) -> dict[str, str]:
    if not (repository or revision):
        return {}
    return {"repository": _given(repository, "--repository"), "revision": _given(revision, "--revision")}


def _given(value: str | None, flag: str) -> str:
    if value is None:
        raise Wrong(f"{flag} is missing", "give --repository and --revision together")
    return value


def _processes(commands: Iterable[str], ports: Iterable[str], schedules: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in (_pair(each, "--process", "web=COMMAND") for each in commands):
        found[name] = {"command": _words(text, f"--process {name}")}
    for name, text in (_pair(each, "--port", "web=8080") for each in ports):
        number, _, protocol = text.partition("/")
        if not (number.isascii() and number.isdigit()):
            raise Wrong(f"--port {name}={text} has no number", "write it as web=8080 or web=50051/grpc")
        _of(found, name, "--port")["port"] = {"number": int(number), "protocol": protocol or Protocol.HTTP.value}
    for name, text in (_pair(each, "--schedule", 'sweep="*/10 * * * *"') for each in schedules):
        _of(found, name, "--schedule")["schedule"] = text
    return found


def _binding(service: str, text: str) -> dict[str, Any]:
    name, rest = _pair(text, "--backing-service", "db=postgresql:15")
    kind, _, version = rest.partition(":")
    known = KNOWN.get(kind)
    variable, key = (known.variable, known.key) if known else (f"{name.upper().replace('-', '_')}_URL", "url")
    version = version or (known.version if known else "")
    return {
        "name": name,
        "type": kind,
        **({"version": version} if version else {}),
        "secret": f"{service}-{name}",
        "env": {variable: key},
    }


def _pair(text: str, flag: str, example: str) -> tuple[str, str]:
    name, separator, rest = text.partition("=")
    if not (name and separator and rest):
        raise Wrong(f"{flag} {text} lacks a part", f"write it as {flag} {example}")
    return name, rest


def _of(processes: dict[str, Any], name: str, flag: str) -> dict[str, Any]:
    if name not in processes:
        raise Wrong(f"{flag} names process {name}, and there is none", f"give --process {name}=COMMAND")
    found: dict[str, Any] = processes[name]
    return found


def _words(command: str, flag: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:  # a quote that nothing ends
        raise Wrong(f"{flag} {command}: {error}", "write it as in a shell") from error


def _check(body: dict[str, Any]) -> None:
    """Refuse what admission would.

    Raises:
        Wrong: with the first problem.
    """
    try:
        DeliveryServiceSpec.model_validate(body["spec"])
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise Wrong(f"spec.{where}: {problem['msg']}", "give it another value") from error
    from delivery_operator.admission.validate import validate  # noqa: PLC0415 - takes a while to import

    for found in validate(body):
        raise Wrong(str(found), "give it another value")

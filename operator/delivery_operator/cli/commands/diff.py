"""`diff`: what a file, or other templates, would change in the cluster."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from delivery_operator.api.service import DEFAULT_ENVIRONMENT, DeliveryServiceSpec
from delivery_operator.cli import documents, rendered
from delivery_operator.cli.changes import MISSING
from delivery_operator.cli.complete import service_names
from delivery_operator.cli.documents import Document, Service
from delivery_operator.cli.exits import Exit, Wrong
from delivery_operator.cli.options import EnvironmentFiles, Output, Templates
from delivery_operator.cli.output import Format, write
from delivery_operator.cli.preview import Difference, differences, platform
from delivery_operator.cli.renewals import Renewal, renewals
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import console

EXAMPLES = (
    "kubectl delivery diff order.yaml",
    "kubectl delivery diff order.yaml -o json | jq '.[].kind'",
    "kubectl delivery diff --service order --templates ./templates",
    "kubectl delivery diff --environment production",
)

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_COLOURS = {"+": "green", "-": "red", "~": "yellow"}


@on_cluster
async def command(  # noqa: PLR0913 its options
    cluster: Cluster,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="Files with DeliveryServices; - is standard input.", show_default=False),
    ] = None,
    *,
    service: Annotated[
        str | None,
        typer.Option(
            "--service",
            help="Instead of files: a service as it is in the cluster, to see what other templates would change.",
            autocompletion=service_names,
            show_default=False,
        ),
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option(
            "--environment",
            help="Instead of files: the services of an environment, in all namespaces, that run with other templates "
            "than it has today (or than --templates), and what those would change.",
            show_default=False,
        ),
    ] = None,
    operator_namespace: Annotated[
        str,
        typer.Option("--operator-namespace", help="With --environment: where the ConfigMap with its templates is."),
    ] = "delivery-system",
    environment_files: EnvironmentFiles = None,
    templates: Templates = None,
    output: Output = None,
) -> int:
    """Show field by field what a file would change in the children of a DeliveryService.

    Each child is applied by the API server as the operator would, without being written (a dry run), and compared with
    what is there, so defaults and what others own make no difference. It needs the right to patch the children. The
    environment is that of the cluster unless --environment-file gives another. Jobs are left out: a migration always
    runs anew with a release. The exit code is 0 when nothing would change, 1 when something would, and more on errors.

    With --environment the releases that serve are rendered anew and compared with themselves, and nothing is asked for
    but reading; the exit code is 0 when no service is behind.
    """
    if [bool(files), bool(service), bool(environment)].count(True) != 1:
        raise Wrong("there is nothing, or too much, to compare", "give either files, --service or --environment")
    if environment:
        return _tell(await renewals(cluster, environment, templates, operator_namespace), output)
    named = cluster.namespace if cluster.named else None
    chosen = [await _live(cluster, service)] if service else documents.services(files or (), named, cluster.namespace)
    known = documents.environments(environment_files or ())
    bundle = rendered.bundle(templates)
    found: list[Difference] = []
    for each in chosen:
        manifests = rendered.children(each, bundle, await platform(cluster, each, known))
        found += await differences(cluster, each.name, each.namespace, manifests)
    if output:
        write([_entry(each) for each in found], output)
    else:
        _print(console(), found)
    return Exit.NO if found else Exit.OK


def _tell(found: Sequence[Renewal], output: Format | None) -> int:
    if output:
        write([_service_entry(each) for each in found], output)
        return Exit.NO if found else Exit.OK
    to = console()
    for each in found:
        to.print(Text(each.service, "bold"))
        if each.fault:
            to.print(Text(f"! cannot be rendered: {each.fault}", "red"))
        elif not each.differences:
            to.print(Text("  no child changes; its pods are replaced"))
        _print(to, each.differences)
    return Exit.NO if found else Exit.OK


def _service_entry(renewal: Renewal) -> dict[str, Any]:
    entry = {"service": renewal.service, "children": [_entry(each) for each in renewal.differences]}
    return {**entry, "fault": renewal.fault} if renewal.fault else entry


async def _live(cluster: Cluster, name: str) -> Service:
    body = await cluster.service(name)
    body["spec"].setdefault("environment", DEFAULT_ENVIRONMENT)
    return Service(
        Document("cluster", 1, body), name, cluster.namespace, DeliveryServiceSpec.model_validate(body["spec"])
    )


def _entry(difference: Difference) -> dict[str, Any]:
    return {
        "kind": difference.kind,
        "name": difference.name,
        "change": difference.change,
        "fields": [
            {"path": each.path, "before": _plain(each.before), "after": _plain(each.after)}
            for each in difference.fields
        ],
    }


def _plain(value: Any) -> Any:
    return None if value is MISSING else value


def _print(to: Console, found: Sequence[Difference]) -> None:
    for difference in found:
        sign = _SIGNS[difference.change]
        to.print(Text(f"{sign} {difference.kind} {difference.name}", _COLOURS[sign]))
        for each in difference.fields:
            if each.before is MISSING:
                text = Text(f"    + {each.path}: {_shown(each.after)}", "green")
            elif each.after is MISSING:
                text = Text(f"    - {each.path}: {_shown(each.before)}", "red")
            else:
                text = Text(f"    ~ {each.path}: {_shown(each.before)} -> {_shown(each.after)}", "yellow")
            to.print(text)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

"""`describe`: all about a service on one page, what is wrong first."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from delivery_operator.api.status import ConditionStatus, ConditionType, Severity
from delivery_operator.cli import rotation, standing
from delivery_operator.cli.arguments import ServiceName
from delivery_operator.cli.durations import span
from delivery_operator.cli.exits import Exit
from delivery_operator.cli.formation import CRON_HEADER, HEADER, cron_rows, formation, rows
from delivery_operator.cli.history import history, made
from delivery_operator.cli.options import Output
from delivery_operator.cli.output import write
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import Cell, console, table, worded
from delivery_operator.cli.times import age
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.resources import TASKS

EXAMPLES = ("kubectl delivery describe order", "kubectl delivery describe order -o json | jq .problems")

_RELEASES_SHOWN: Final = 5
_RUNS_SHOWN: Final = 5
_INDENT: Final = "  "
_COLORS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


@on_cluster
async def command(cluster: Cluster, service: ServiceName, output: Output = None) -> int:
    """Tell all about a service on one page: problems and what to do, releases, processes, bindings, tasks.

    What it says of problems is what the operator wrote into the status.
    """
    now = datetime.now(UTC)
    page = await _page(cluster, service, now)
    if output:
        write(page, output)
    else:
        _print(console(), page, now)
    return Exit.OK


async def _page(cluster: Cluster, name: str, now: datetime) -> dict[str, Any]:
    body = await cluster.service(name)
    runs = await cluster.api.list(TASKS, cluster.namespace)
    spec, status = body["spec"], body.get("status") or {}
    return {
        "name": name,
        "namespace": cluster.namespace,
        "environment": spec["environment"],
        "paused": bool(spec.get("paused")),
        "stands": standing.word(body),
        "says": standing.sentence(body),
        "underWay": standing.condition(body, ConditionType.RECONCILING).get("status") == ConditionStatus.TRUE,
        "activeRelease": status.get("activeRelease"),
        "image": status.get("image"),
        "codebase": spec.get("codebase"),
        "problems": [vars(each) for each in standing.problems(body)],
        "rotation": rotation.rotated([body]),
        "releases": await history(cluster, body),
        "processes": await formation(cluster, name, now),
        "shutdown": status.get("shutdown") or [],
        "backingServices": [_binding(each) for each in spec.get("backingServices") or ()],
        "tasks": sorted(spec.get("tasks") or {}),
        "runs": _runs(runs.items, name),
    }


def _binding(binding: Body) -> dict[str, Any]:
    source = binding.get("provisionedService")
    return {
        "name": binding["name"],
        "type": binding["type"],
        "version": binding.get("version"),
        "from": f"{source['kind']} {source['name']}" if source else f"Secret {binding['secret']}",
        "variables": sorted(binding.get("env") or {}),
    }


def _runs(tasks: Sequence[Body], service: str) -> list[dict[str, Any]]:
    own = [each for each in tasks if each["spec"]["service"] == service]
    own.sort(key=lambda each: each["metadata"]["creationTimestamp"], reverse=True)
    return [
        {
            "name": each["metadata"]["name"],
            "task": each["spec"].get("task"),
            "phase": status.get("phase", "Pending"),
            "exitCode": status.get("exitCode"),
            "reason": status.get("reason"),
            "message": status.get("message"),
            "createdAt": each["metadata"]["creationTimestamp"],
        }
        for each in own[:_RUNS_SHOWN]
        for status in [each.get("status") or {}]
    ]


def _print(to: Console, page: dict[str, Any], now: datetime) -> None:
    head = Text.assemble((page["name"], "bold"), f" in {page['namespace']}: ", worded(page["stands"]))
    to.print(head.append(", paused" if page["paused"] else ""))
    if all(each["severity"] != Severity.ERROR for each in page["problems"]):
        to.print(f"{_INDENT}{page['says']}")
    facts = [("environment", page["environment"]), ("serves", _serves(page))]
    if page["codebase"]:
        facts.append(("codebase", f"{page['codebase']['repository']} at {page['codebase']['revision']}"))
    for label, value in facts:
        to.print(f"{_INDENT}{label:<12}{value}")
    _print_problems(to, page["problems"])
    _section(to, "Rotated Secrets", rotation.HEADER[1:], [row[1:] for row in rotation.rows(page["rotation"])])
    _section(
        to,
        "Releases",
        ("RELEASE", "PHASE", "MIGRATION", "IMAGE", "AGE", "REASON", "MADE"),
        _releases(page, now),
    )
    _section(to, "Processes", HEADER[1:], [row[1:] for row in rows(page["processes"])])
    _section(to, "Scheduled processes", CRON_HEADER[1:], [row[1:] for row in cron_rows(page["processes"], now)])
    _section(to, "How pods end", ("PROCESS", "RELEASE", "RESULT", "EXIT", "WITHIN", "GRACE"), _shutdown_rows(page))
    bindings = [
        (each["name"], each["type"], each["version"] or "", each["from"], ", ".join(each["variables"]))
        for each in page["backingServices"]
    ]
    _section(to, "Backing services", ("NAME", "TYPE", "VERSION", "FROM", "VARIABLES"), bindings)
    if page["tasks"]:
        to.print(f"\nTasks: {', '.join(page['tasks'])} (kubectl delivery run {page['name']} TASK)")
    _section(to, "Runs of tasks", ("NAME", "TASK", "PHASE", "EXIT", "AGE", "REASON"), _run_rows(page, now))


def _serves(page: dict[str, Any]) -> str:
    return f"{page['activeRelease']}, {page['image']}" if page["activeRelease"] else "nothing yet"


def _print_problems(to: Console, problems: Sequence[dict[str, Any]]) -> None:
    if problems:
        to.print(Text("\nProblems", "bold"))
    for each in problems:
        about = f", {each['about']}" if each["about"] else ""
        to.print(Text.assemble(_INDENT, (each["reason"], _COLORS[each["severity"]]), f"{about}: {each['message']}"))
        if each["remedy"]:
            to.print(f"{_INDENT}{_INDENT}what to do: {each['remedy']}")


def _section(to: Console, title: str, header: Sequence[str], lines: Sequence[Sequence[Cell]]) -> None:
    if lines:
        to.print(Text(f"\n{title}", "bold"))
        table(to, header, lines, _INDENT)


def _releases(page: dict[str, Any], now: datetime) -> list[tuple[Cell, ...]]:
    return [
        (
            each["name"],
            worded(each["phase"]),
            worded((each["migration"] or {}).get("result") or ""),
            each["image"],
            age(each["createdAt"], now),
            each["reason"] or "",
            made(each),
        )
        for each in page["releases"][:_RELEASES_SHOWN]
    ]


def _shutdown_rows(page: dict[str, Any]) -> list[tuple[Cell, ...]]:
    return [
        (
            each["process"],
            f"r{each['release']}",
            worded(each["result"]),
            str(each.get("exitCode", "")),
            span(min(each["withinSeconds"], each["graceSeconds"])) if "withinSeconds" in each else "",
            span(each["graceSeconds"]),
        )
        for each in page["shutdown"]
    ]


def _run_rows(page: dict[str, Any], now: datetime) -> list[tuple[Cell, ...]]:
    return [
        (
            each["name"],
            each["task"] or "",
            worded(each["phase"]),
            "" if each["exitCode"] is None else str(each["exitCode"]),
            age(each["createdAt"], now),
            each["reason"] or "",
        )
        for each in page["runs"]
    ]

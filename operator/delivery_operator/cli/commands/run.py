"""`run`: a one-off process in the release that serves (factor XII, F12-1, F12-2)."""

import asyncio
import secrets
import string
import sys
from typing import Annotated, Any, Final

import typer

from delivery_operator.api.base import API_VERSION
from delivery_operator.api.task import KIND, NAME_LENGTH, TaskPhase
from delivery_operator.cli.arguments import ServiceName
from delivery_operator.cli.complete import task_names
from delivery_operator.cli.dashes import AfterDashes, after_dashes
from delivery_operator.cli.exits import Exit, Missing, Wrong
from delivery_operator.cli.follow import has_log, log_of
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import Progress, console
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.errors import ApiError
from delivery_operator.cluster.resources import PODS, TASKS

CLASS = AfterDashes
EXAMPLES = (
    "kubectl delivery run order seed",
    "kubectl delivery run order seed -- --rows 100",
    "kubectl delivery run order -- order shell-command --with arguments",
    "kubectl delivery run order seed --detach",
)

DAY_SECONDS: Final = 86400
_LOOK_SECONDS: Final = 0.5
_ENDED: Final = {TaskPhase.SUCCEEDED.value, TaskPhase.FAILED.value}
_SUFFIX: Final = string.ascii_lowercase + string.digits


@on_cluster
async def command(
    cluster: Cluster,
    context_of_call: typer.Context,
    service: ServiceName,
    task: Annotated[
        str | None,
        typer.Argument(
            help="A task of the service. Without one, give a command after --.",
            autocompletion=task_names,
            show_default=False,
        ),
    ] = None,
    *,
    detach: Annotated[
        bool, typer.Option("--detach", help="Print the name of the DeliveryTask and do not wait.")
    ] = False,
) -> int:
    """Run a one-off process in the image, environment and identity of the release that serves.

    Either a task that the service names, with more arguments after --, or a command after --. Its output is streamed,
    and its exit code becomes that of this command. Interrupting the command does not end the process. The DeliveryTask
    is deleted a day after its end.
    """
    words = after_dashes(context_of_call)
    body = await cluster.service(service)
    spec = _spec(body, task, words)
    name = _name(service, task)
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
    await cluster.api.submit(TASKS, cluster.namespace, manifest)
    if detach:
        console().print(name)
        return Exit.OK
    try:
        return await _Follower(cluster, name).until_ended()
    except asyncio.CancelledError:
        console(stderr=True).print(f"{name} goes on: kubectl get deliverytask {name} tells how it ends")
        raise


def _spec(body: Body, task: str | None, words: list[str]) -> dict[str, Any]:
    service = body["metadata"]["name"]
    shared = {"service": service, "ttlSecondsAfterFinished": DAY_SECONDS}
    if task is None:
        if not words:
            raise Wrong("there is nothing to run", f"name a task, or write kubectl delivery run {service} -- COMMAND")
        return {**shared, "command": words}
    named = sorted(body["spec"].get("tasks") or {})
    if task not in named:
        remedy = (
            f"there are {', '.join(named)}" if named else f"run a command: kubectl delivery run {service} -- COMMAND"
        )
        raise Missing(f"{service} has no task {task}", remedy)
    return {**shared, "task": task, **({"args": words} if words else {})}


def _name(service: str, task: str | None) -> str:
    suffix = "".join(secrets.choice(_SUFFIX) for _ in range(5))
    stem = f"{service}-{task or 'run'}"[: NAME_LENGTH - len(suffix) - 1].rstrip("-")
    return f"{stem}-{suffix}"


class _Follower:
    """Follows a task to its end: prints the output of its pods as it comes."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self._printed: set[str] = set()
        self._progress = Progress(console(stderr=True))

    async def until_ended(self) -> int:
        """Return the exit code of the process; 1 where it has none, since it never ran."""
        with self._progress.shown():
            while True:
                status = await self._status()
                ended = status.get("phase") in _ENDED
                said = ": ".join(each for each in (status.get("reason"), status.get("message")) if each)
                self._progress(f"{self._name}: {status.get('phase', TaskPhase.PENDING.value)} {said}".rstrip())
                await self._print_logs(status.get("job"))
                if ended:
                    break
                await asyncio.sleep(_LOOK_SECONDS)
        if not self._printed and status.get("output"):
            sys.stdout.write(f"{status['output'].rstrip()}\n")
        if status["phase"] == TaskPhase.SUCCEEDED:
            return Exit.OK
        return int(status.get("exitCode") or Exit.NO)

    async def _status(self) -> Body:
        body = await self._cluster.api.find(TASKS, self._cluster.namespace, self._name)
        if body is None:
            raise Missing(f"DeliveryTask {self._name} was deleted while it ran", "run it again")
        return body.get("status") or {}

    async def _print_logs(self, job: str | None) -> None:
        if job is None:
            return
        pods = await self._cluster.api.list(PODS, self._cluster.namespace, selector=f"job-name={job}")
        for pod in sorted(pods.items, key=lambda each: str(each["metadata"]["creationTimestamp"])):
            if pod["metadata"]["uid"] not in self._printed and has_log(pod):
                await self._print_log(pod)

    async def _print_log(self, pod: Body) -> None:
        try:
            params = {"follow": "true", **log_of(pod)}
            async for line in self._cluster.api.log(self._cluster.namespace, pod["metadata"]["name"], params):
                self._progress.hide()
                self._printed.add(pod["metadata"]["uid"])
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        except ApiError as error:
            self._progress(f"{self._name}: its log cannot be read: {error.message}")

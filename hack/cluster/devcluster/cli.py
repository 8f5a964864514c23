"""The command `devcluster`."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from devcluster.binaries import built_binaries
from devcluster.choose import Provider, Request, open_cluster
from devcluster.cluster import Cluster, Status
from devcluster.console import ConsoleReporter
from devcluster.crds import crd_files
from devcluster.errors import DevclusterError, NotRunningError
from devcluster.home import Home
from devcluster.tools import built_tools

app = typer.Typer(
    help="A Kubernetes cluster on this machine for development and tests.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}

Name = Annotated[str, typer.Option("--name", envvar="DEVCLUSTER_NAME", help="Which cluster, where there are several.")]
DEFAULT_NAME = "dev"


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except DevclusterError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]Error:[/red] {escape(str(error))}")
        raise typer.Exit(1) from None


def _open(name: str, provider: Provider = Provider.AUTO, kubeconfig: Path | None = None) -> Cluster:
    return open_cluster(Request(name, provider, kubeconfig), ConsoleReporter())


def _running(name: str) -> Cluster:
    if name not in Home.default().cluster_names():
        message = f"The cluster {name} is not up: devcluster up --name {name}"
        raise NotRunningError(message)
    return _open(name)


@app.command()
def up(
    name: Name = DEFAULT_NAME,
    provider: Annotated[
        Provider, typer.Option(envvar="DEVCLUSTER_PROVIDER", help="Where it comes from.")
    ] = Provider.AUTO,
    kubeconfig: Annotated[Path | None, typer.Option(help="Check and use an existing cluster.")] = None,
) -> None:
    """Bring a cluster up, or find that it is up already."""
    with _explained():
        cluster = _open(name, provider, kubeconfig)
        cluster.create()
        _show(cluster.status())


@app.command()
def build() -> None:
    """Build and fetch all that clusters and tests need, so that nothing waits for it later."""
    with _explained():
        home, reporter = Home.default(), ConsoleReporter()
        built_binaries(home, reporter)
        built_tools(home, reporter)
        crd_files(home, reporter)


@app.command()
def down(
    name: Name = DEFAULT_NAME,
    *,
    every: Annotated[bool, typer.Option("--all", help="End every cluster of this user.")] = False,
) -> None:
    """End a cluster and remove all that belongs to it."""
    with _explained():
        known = Home.default().cluster_names()
        for each in known if every else [name]:
            if each in known:
                with ConsoleReporter().step(f"Ending the cluster {each}"):
                    _open(each).delete()
            else:
                ConsoleReporter().note(f"The cluster {each} is not up.")


@app.command()
def status(
    name: Annotated[str | None, typer.Option("--name", envvar="DEVCLUSTER_NAME", help="Only this one.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show clusters and how they are; the exit code is 1 if one of them is not well."""
    with _explained():
        found = [_running(each).status() for each in ([name] if name else Home.default().cluster_names())]
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], default=str, indent=2))
    else:
        for each in found:
            _show(each)
        if not found:
            ConsoleReporter().note("No cluster is up.")
    if any(each.problem for each in found):
        raise typer.Exit(1)


@app.command(context_settings={**PASS_ON, "help_option_names": []}, add_help_option=False)
def kubectl(context: typer.Context, name: Name = DEFAULT_NAME) -> None:
    """Run kubectl against a cluster; all arguments are kubectl's."""
    _replace_by("kubectl", name, context.args)


@app.command(context_settings={**PASS_ON, "help_option_names": []}, add_help_option=False)
def helm(context: typer.Context, name: Name = DEFAULT_NAME) -> None:
    """Run helm against a cluster; all arguments are helm's."""
    _replace_by("helm", name, context.args)


def _replace_by(tool: str, name: str, arguments: list[str]) -> None:
    with _explained():
        cluster = _running(name)
        path = cluster.tool(tool)
    os.execve(path, [tool, *arguments], {**os.environ, **cluster.environment})  # noqa: S606 (no shell is the point)


@app.command()
def env(name: Name = DEFAULT_NAME) -> None:
    """Print variables for a shell: eval "$(devcluster env)"."""
    with _explained():
        cluster = _running(name)
        for variable, value in cluster.environment.items():
            typer.echo(f"export {variable}={shlex.quote(value)}")
        typer.echo(f'export PATH={shlex.quote(str(cluster.tool("kubectl").parent))}:"$PATH"')


@app.command("load-image")
def load_image(
    images: Annotated[list[str], typer.Argument(help="Image names in the local storage, or docker-archive files.")],
    name: Name = DEFAULT_NAME,
) -> None:
    """Make container images known to the cluster's node."""
    with _explained():
        cluster = _running(name)
        for image in images:
            cluster.load_docker_image(image)


@app.command("port-forward")
def port_forward(
    target: Annotated[str, typer.Argument(help="pod/NAME, deployment/NAME or service/NAME.")],
    remote_port: Annotated[int, typer.Argument(help="Its port.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n")] = "default",
    local_port: Annotated[int | None, typer.Option(help="The local port; a free one otherwise.")] = None,
    name: Name = DEFAULT_NAME,
) -> None:
    """Forward a local port to a service or pod until interrupted."""
    with (
        _explained(),
        _running(name).port_forward(target, remote_port, "-n", namespace, local_port=local_port) as port,
        contextlib.suppress(KeyboardInterrupt),
    ):
        typer.echo(f"127.0.0.1:{port}")
        threading.Event().wait()


def _show(found: Status) -> None:
    console = Console(highlight=False, soft_wrap=True)
    verdict = f"[red]{escape(found.problem)}[/red]" if found.problem else "[green]up[/green]"
    console.print(f"[bold]{found.name}[/bold] ({found.provider}): {verdict}")
    for label, value in (("server", found.server), ("kubeconfig", found.kubeconfig), ("logs", found.logs)):
        if value:
            console.print(f"  {label:<11}{escape(str(value))}")
    if found.problem:
        for component, how in found.components.items():
            console.print(f"  {component:<25}{how}")

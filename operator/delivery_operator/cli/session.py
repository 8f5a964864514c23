"""Opens the cluster for a command, and says in one line why it cannot."""

import asyncio
import functools
import gc
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import typer

from delivery_operator.cli.exits import CliError, Forbidden, Missing, NoCluster
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.connection import NoConfiguration
from delivery_operator.cluster.errors import ApiError, NotFound, Unavailable
from delivery_operator.cluster.resources import SERVICES
from delivery_operator.cluster.user import UserApi, find_cluster

Namespace = Annotated[
    str | None, typer.Option("-n", "--namespace", help="Namespace. Default: that of the context.", show_default=False)
]
Context = Annotated[
    str | None, typer.Option("--context", help="Context of the kubeconfig. Default: the current.", show_default=False)
]
Kubeconfig = Annotated[
    str | None, typer.Option("--kubeconfig", help="Kubeconfig. Default: that of kubectl.", show_default=False)
]
_UNAUTHORIZED = 401
_FORBIDDEN = 403


@dataclass(frozen=True)
class Cluster:
    """The API server and the namespace a command works in.

    Attributes:
        api: the API server.
        namespace: the one that was named, else the context's.
        named: whether it was named (-n).
    """

    api: UserApi
    namespace: str
    named: bool = False

    async def service(self, name: str) -> Body:
        """Read a DeliveryService.

        Raises:
            Missing: there is none of that name.
        """
        found = await self.api.find(SERVICES, self.namespace, name)
        if found is None:
            raise Missing(
                f"there is no DeliveryService {name} in namespace {self.namespace}",
                "kubectl delivery ps lists those there are; -n names another namespace",
            )
        return found


def on_cluster(command: Callable[..., Awaitable[int | None]]) -> Callable[..., int | None]:
    """Turn a coroutine that takes a Cluster first into a command with the options that say which cluster.

    Errors of the API server become the command line's: one line, a remedy, an exit code.
    """

    @functools.wraps(command)
    def run(
        *, namespace: str | None = None, context: str | None = None, kubeconfig: str | None = None, **own: Any
    ) -> int | None:
        gc.enable()  # it may last, following a log
        return asyncio.run(_run(command, namespace, context, kubeconfig, own))

    own = list(inspect.signature(command).parameters.values())[1:]
    options = {"namespace": Namespace, "context": Context, "kubeconfig": Kubeconfig}
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in options.items()
    ]
    # typer reads both of these to find a command's parameters.
    signature = inspect.Signature([*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *added])
    hints = get_type_hints(command, include_extras=True)
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {**{each.name: hints[each.name] for each in own}, **options}
    return run


async def _run(
    command: Callable[..., Awaitable[int | None]],
    namespace: str | None,
    context: str | None,
    kubeconfig: str | None,
    own: dict[str, Any],
) -> int | None:
    try:
        place = await find_cluster(kubeconfig, context)
    except NoConfiguration as error:
        raise NoCluster(f"no cluster is configured: {error}", "set KUBECONFIG, or name one with --context") from error
    try:
        async with UserApi(place.connection) as api:
            return await command(Cluster(api, namespace or place.namespace, named=bool(namespace)), **own)
    except ApiError as error:
        raise explained(error, place.connection.host) from error


def explained(error: ApiError, host: str) -> CliError:
    """Turn an error of the API server into the command line's, with what to do about it."""
    match error:
        case Unavailable():
            return NoCluster(
                f"{host} does not serve: {error.message}", "check the address, the network and the context"
            )
        case NotFound():
            remedy = "kubectl delivery doctor tells whether the operator's kinds are installed"
            return Missing(f"the API server has not found {error.request}", remedy)
        case ApiError(code=code) if code == _UNAUTHORIZED:
            return NoCluster(
                "the API server does not accept your credentials", "log in again, or choose another context"
            )
        case ApiError(code=code) if code == _FORBIDDEN:
            return Forbidden(
                error.message, "ask for that right (kubectl auth can-i --list), or mend what the rule names"
            )
        case _:
            return Forbidden(error.message, "mend what it names and try again")

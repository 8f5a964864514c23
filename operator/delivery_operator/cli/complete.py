"""What the shell completes: names out of the cluster. A cluster that does not answer completes to nothing."""

import asyncio
from typing import Any

from delivery_operator.cli.exits import CliError
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.connection import NoConfiguration
from delivery_operator.cluster.errors import ApiError
from delivery_operator.cluster.resources import SERVICES
from delivery_operator.cluster.user import UserApi, find_cluster

_SECONDS = 3.0


def service_names(ctx: Any, incomplete: str) -> list[str]:
    """Names of the services in the namespace."""
    return [name for each in _services(ctx) if (name := each["metadata"]["name"]).startswith(incomplete)]


def process_names(ctx: Any, incomplete: str) -> list[str]:
    """Process types of the service that was named before."""
    return [
        name
        for each in _services(ctx)
        if each["metadata"]["name"] == ctx.params.get("service")
        for name in each["spec"]["processes"]
        if name.startswith(incomplete)
    ]


def _services(ctx: Any) -> list[Body]:
    given = ctx.params
    try:
        return asyncio.run(_list(given.get("kubeconfig"), given.get("context"), given.get("namespace")))
    except (ApiError, CliError, NoConfiguration, OSError, TimeoutError):
        return []


async def _list(kubeconfig: str | None, context: str | None, namespace: str | None) -> list[Body]:
    async with asyncio.timeout(_SECONDS):
        place = await find_cluster(kubeconfig, context)
        async with UserApi(place.connection) as api:
            return (await api.list(SERVICES, namespace or place.namespace)).items


def process_assignments(ctx: Any, incomplete: str) -> list[str]:
    """Process types of the service that was named before, with a `=` after each."""
    return [f"{name}=" for name in process_names(ctx, incomplete)]


def task_names(ctx: Any, incomplete: str) -> list[str]:
    """Tasks of the service that was named before."""
    return [
        name
        for each in _services(ctx)
        if each["metadata"]["name"] == ctx.params.get("service")
        for name in each["spec"].get("tasks") or ()
        if name.startswith(incomplete)
    ]

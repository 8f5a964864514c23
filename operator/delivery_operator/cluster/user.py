"""The API server as a person at a terminal reaches it: their kubeconfig, their context, their namespace, their rights.

The command line acts as its user and not as the operator: what it writes carries a field manager of its own.
"""

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config.incluster_config import SERVICE_HOST_ENV_NAME

from delivery_operator.cluster.api import Api, Body, lines
from delivery_operator.cluster.connection import Connection, NoConfiguration, connect
from delivery_operator.cluster.errors import NotFound, Unavailable, of_response
from delivery_operator.cluster.resources import PODS, Resource
from delivery_operator.render.names import MANAGER

USER: Final = "kubectl-delivery"
"""Field manager of what the command line writes."""

_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DEFAULT_NAMESPACE: Final = "default"
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError)


@dataclass(frozen=True)
class Place:
    """A connection and the namespace its context names."""

    connection: Connection
    namespace: str


async def find_cluster(kubeconfig: str | None, context: str | None) -> Place:
    """Find the cluster that kubectl would use.

    Args:
        kubeconfig: path of a kubeconfig; None for that of $KUBECONFIG, else ~/.kube/config, else the pod's own account.
        context: name of a context; None for the current one.

    Raises:
        NoConfiguration: there is no kubeconfig, or it lacks the context.
    """
    path = _file(kubeconfig)
    if not path and not context and SERVICE_HOST_ENV_NAME in os.environ:
        return Place(await connect(), _NAMESPACE_FILE.read_text().strip())
    configuration = Configuration()
    try:
        loader = await config.load_kube_config(path, context, client_configuration=configuration)  # type: ignore[no-untyped-call]
        chosen = loader.current_context
        ssl_context = RESTClientObject(configuration).ssl_context
    except config.ConfigException as error:
        raise NoConfiguration(str(error)) from error
    except OSError as error:
        raise NoConfiguration(f"{error.filename or path}: {error.strerror or error}") from error
    except (*_MISSHAPEN, yaml.YAMLError) as error:  # the library looks at nothing before it reads it
        raise NoConfiguration(f"{path} is no kubeconfig ({type(error).__name__})") from error
    return Place(Connection(configuration, ssl_context), chosen["context"].get("namespace") or _DEFAULT_NAMESPACE)


def _file(named: str | None) -> str | None:
    """The kubeconfig that kubectl reads; None where there is none at its usual place either."""
    if named and not os.path.exists(named):  # noqa: PTH110 Path's raises where the folder may not be entered
        raise NoConfiguration(f"{named} is not there")
    asked = named or os.environ.get("KUBECONFIG")
    usual = os.path.expanduser("~/.kube/config")  # noqa: PTH111 Path's raises where no home can be found
    return asked or (usual if os.path.exists(usual) else None)  # noqa: PTH110 as above


class UserApi(Api):
    """What the command line asks and writes beyond the operator's client."""

    async def find(self, resource: Resource, namespace: str | None, name: str) -> Body | None:
        """Read one object, of a namespace or of the cluster; None when it is not there."""
        try:
            return await self._json("GET", resource.path(namespace, name))
        except NotFound:
            return None

    async def answer(self, path: str) -> Body:
        """Read a path that is no object, such as /version."""
        return await self._json("GET", path)

    async def submit(self, resource: Resource, namespace: str | None, body: Mapping[str, Any]) -> Body:
        """Create an object as the user. Raises AlreadyExists when its name is taken."""
        return await self._json("POST", resource.path(namespace), body=body, params={"fieldManager": USER})

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Mapping[str, Any]) -> Body:
        """JSON merge patch of an object, as the user. Raises NotFound."""
        return await self._json(
            "PATCH",
            resource.path(namespace, name),
            body=patch,
            params={"fieldManager": USER},
            content_type="application/merge-patch+json",
        )

    async def preview(self, resource: Resource, body: Mapping[str, Any]) -> Body:
        """Answer what an object would be if the operator applied this to it; nothing is written (dryRun=All)."""
        metadata = body["metadata"]
        return await self._json(
            "PATCH",
            resource.path(metadata["namespace"], metadata["name"]),
            body=body,
            params={"fieldManager": MANAGER, "force": "true", "dryRun": "All"},
            content_type="application/apply-patch+yaml",
        )

    async def log(self, namespace: str, pod: str, params: Mapping[str, str]) -> AsyncIterator[str]:
        """Yield the lines of a pod's log as they come.

        Args:
            namespace: of the pod.
            pod: its name.
            params: such as container, follow, sinceSeconds, timestamps
                (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod).

        Raises:
            ApiError: there is no log, or it may not be read.
        """
        path = PODS.path(namespace, pod, "log")
        request = f"GET {path}"
        try:
            async with self._opened.get(
                self._connection.host + path,
                params=params,
                headers=await self._headers("*/*"),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),
            ) as response:
                if response.status != HTTPStatus.OK:
                    message = (await response.text())[:500]
                    raise of_response(request, response.status, {"message": message}, None)
                async for line in lines(response.content):
                    yield line
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(request, str(error) or type(error).__name__) from error

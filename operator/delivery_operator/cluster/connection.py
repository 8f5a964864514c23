"""How to reach the API server: address, trust and credentials, from a pod's service account or a kubeconfig.

`kubernetes.aio` reads the configuration; the requests themselves go as plain JSON over one aiohttp session, at about a
third of the CPU that the generated client would need.
"""

import os
import ssl
from dataclasses import dataclass

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config.incluster_config import SERVICE_HOST_ENV_NAME


class NoConfiguration(Exception):
    """Neither a pod's service account nor a kubeconfig was found; says where was looked."""


@dataclass(frozen=True)
class Connection:
    """An address and how to be trusted there."""

    configuration: Configuration
    ssl_context: ssl.SSLContext

    @property
    def host(self) -> str:
        """URL of the API server, without a path at its end."""
        return str(self.configuration.host).rstrip("/")

    async def authorization(self) -> str | None:
        """Value of the Authorization header, read again when the token is renewed; None with a client certificate."""
        value: str | None = await self.configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        return value

    def session(self) -> aiohttp.ClientSession:
        """Open a session; the caller closes it."""
        # No limit: there are as many requests as workers and watches, and none may wait for another's to be answered.
        connector = aiohttp.TCPConnector(ssl=self.ssl_context, limit=0, keepalive_timeout=60)
        return aiohttp.ClientSession(connector=connector, auto_decompress=True, trust_env=False)


async def connect() -> Connection:
    """Find the cluster: the pod's service account, or the kubeconfig that kubectl would use.

    Raises:
        NoConfiguration: there is neither.
    """
    configuration = Configuration()
    kubeconfig = os.environ.get("KUBECONFIG")  # as it is now: the library has read it when it was imported
    try:
        if not kubeconfig and SERVICE_HOST_ENV_NAME in os.environ:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            await config.load_kube_config(kubeconfig or None, client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException as error:
        raise NoConfiguration(
            f"no cluster to work for: {error}. Run in a pod with a service account, or set KUBECONFIG"
        ) from error
    return Connection(configuration, RESTClientObject(configuration).ssl_context)

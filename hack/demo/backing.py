"""The platform's part: what the services are attached to, and the Secrets that say where it is.

Which of it is needed stands in the services' own manifests, by the types of their bindings.
"""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import yaml

from demo.images import EXAMPLES, STAND_INS
from demo.tools import Tools

NAMESPACE = "shop"
FOLDER = EXAMPLES / "backing"
DATABASE = "db-credentials"
"""The Secret of PostgreSQL's own user, whose database is the order service's."""
READY = "--timeout=240s"


@dataclass(frozen=True)
class Server:
    """Something that services are attached to.

    Attributes:
        name: of its manifest in examples/backing, and of the StatefulSet there.
        images: folders of examples/backing.
        secrets: makes what each Secret holds, by its name.
    """

    name: str
    images: tuple[str, ...]
    secrets: dict[str, Callable[[], dict[str, str]]] = field(default_factory=dict)


def _word() -> str:
    return secrets.token_urlsafe(24)


def _database(user: str, password: str) -> dict[str, str]:
    url = f"postgres://{user}:{password}@postgresql.{NAMESPACE}:5432/{user}"
    return {"username": user, "password": password, "url": url}


def _rabbitmq() -> dict[str, str]:
    password = _word()
    conf = f"default_user = shop\ndefault_pass = {password}\ndisk_free_limit.absolute = 50MB\n"
    return {"url": f"amqp://shop:{password}@rabbitmq.{NAMESPACE}:5672/", "user.conf": conf}


def _stripe() -> dict[str, str]:
    base = f"http://stripe.{NAMESPACE}:443"
    return {"api-key": f"sk_test_{secrets.token_hex(12)}", "webhook-secret": f"whsec_{_word()}", "api-base": base}


POSTGRESQL = Server(
    "postgresql",
    ("postgres",),
    {
        DATABASE: lambda: _database("order", _word()),
        "payment-db": lambda: _database("payment", _word()),
        "notification-db": lambda: _database("notification", _word()),
    },
)
_STAND_INS = Server(
    STAND_INS,
    ("stripe-mock",),
    {
        "payment-stripe": _stripe,
        "maps": lambda: {"url": f"http://maps.{NAMESPACE}:80", "api-key": ""},
        "mail": lambda: {"address": f"mail.{NAMESPACE}:587", "tls": "offered", "username": "", "password": ""},
    },
)
SERVERS = {
    "postgresql": POSTGRESQL,
    "kafka": Server("kafka", ("kafka",), {"kafka": lambda: {"brokers": f"kafka.{NAMESPACE}:9092"}}),
    "redis": Server(
        "redis", ("redis",), {"redis": lambda: {"address": f"redis.{NAMESPACE}:6379", "password": _word()}}
    ),
    "rabbitmq": Server("rabbitmq", ("rabbitmq",), {"rabbitmq": _rabbitmq}),
    "mongodb": Server(
        "mongodb", ("mongodb",), {"mongodb": lambda: {"url": f"mongodb://mongodb.{NAMESPACE}:27017/user"}}
    ),
    "stripe": _STAND_INS,
    "google-maps": _STAND_INS,
    "smtp": _STAND_INS,
}
"""By the types of bindings."""


def needed(services: Collection[str]) -> list[Server]:
    """What these services of examples are attached to."""
    found: dict[str, Server] = {}
    for service in services:
        for binding in manifest(service)["spec"].get("backingServices", []):
            server = SERVERS[binding["type"]]
            found[server.name] = server
    return list(found.values())


def manifest(service: str) -> dict[str, Any]:
    """The DeliveryService of a folder of examples."""
    found: dict[str, Any] = yaml.safe_load((EXAMPLES / service / "deliveryservice.yaml").read_text())
    return found


def images(services: Collection[str]) -> list[str]:
    """The images of what these services are attached to, as folders of examples/backing."""
    return [image for server in needed(services) for image in server.images]


def provide(tools: Tools, services: Collection[str]) -> None:
    """Run what these services are attached to, and tell them where it is."""
    servers = needed(services)
    prepare(tools, servers)
    if STAND_INS in services:
        sell(tools)
    start(tools, servers)


def prepare(tools: Tools, servers: Collection[Server]) -> None:
    """Make the namespace, under the restricted pod security standard, and the Secrets that are not there.

    Passwords are random and kept: the servers' data was made with them.
    """
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    apply(tools, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    for server in servers:
        for name, make in server.secrets.items():
            if not tools.exists("secret", name, NAMESPACE):
                metadata = {"name": name, "namespace": NAMESPACE}
                apply(tools, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": make()})


def sell(tools: Tools) -> None:
    """Tell the order service where the catalogue is; it is a service as any other."""
    metadata = {"name": "shop", "namespace": NAMESPACE}
    data = {"catalogue": "catalogue-service:50051"}
    apply(tools, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def start(tools: Tools, servers: Collection[Server]) -> None:
    """Run the servers, and wait until they answer."""
    for server in servers:
        tools.kubectl("apply", "-f", str(FOLDER / f"{server.name}.yaml"))
    for server in servers:
        tools.kubectl("rollout", "status", "-n", NAMESPACE, f"statefulset/{server.name}", READY)
    if POSTGRESQL in servers:
        _make_databases(tools)


def _make_databases(tools: Tools) -> None:
    """A user and a database for each service but the first, whose are made with the server."""
    for secret in POSTGRESQL.secrets:
        if secret == DATABASE:
            continue
        user = tools.secret(secret, NAMESPACE)
        name, password = user["username"], user["password"]
        statements = f"""
            SELECT 'CREATE ROLE {name} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}')\\gexec
            ALTER ROLE {name} PASSWORD '{password}';
            SELECT 'CREATE DATABASE {name} OWNER {name}'
            WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}')\\gexec
        """  # noqa: S608 words of ours
        psql = ("psql", "--quiet", "--set=ON_ERROR_STOP=1", "--username=order", "--dbname=order")
        tools.kubectl("exec", "-i", "-n", NAMESPACE, "postgresql-0", "--", *psql, manifest=statements)


def apply(tools: Tools, manifest: dict[str, object]) -> None:
    """Apply one object."""
    tools.kubectl("apply", "--server-side", "--field-manager=demo", "-f", "-", manifest=yaml.safe_dump(manifest))

"""`compose`: the same service on a laptop."""

import sys
from typing import Annotated, Final

import typer

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.cli import composed, documents
from delivery_operator.cli.exits import Wrong
from delivery_operator.cli.options import EnvironmentFiles
from delivery_operator.cli.output import to_yaml

EXAMPLES = (
    "kubectl delivery compose service.yaml > compose.yaml",
    "kubectl delivery compose service.yaml --env-example > .env.example",
    "docker compose up",
    "docker compose run --rm seed",
)

_HEAD: Final = """\
# Made from {file} by `kubectl delivery compose`: make it anew rather than change it.
# Secrets come from .env, which is not committed; --env-example prints the names.
"""


def command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="File with one DeliveryService; - is standard input.")],
    *,
    environment_files: EnvironmentFiles = None,
    env_example: Annotated[
        bool, typer.Option("--env-example", help="Print .env.example instead: the names that .env needs, no values.")
    ] = False,
) -> None:
    """Print a Compose file with the processes, variables and backing services of a DeliveryService.

    Each process is a service with the image, command and variables it has in the cluster. The migration runs first,
    once the backing services are healthy. PostgreSQL, MySQL, MongoDB, Redis, RabbitMQ, Kafka and Memcached get a
    container of the version that the DeliveryService names; the variables of others come from .env. Scheduled
    processes and tasks are started on demand: docker compose run --rm NAME.
    """
    found = documents.services([file], None)
    if len(found) > 1:
        raise Wrong(f"{file} has {len(found)} DeliveryServices", "give a file with one")
    [service] = found
    known = documents.environments(environment_files or ())
    # A laptop is no environment that anybody describes: without its file, the defaults hold.
    made, env = composed.compose(service, known.get(service.spec.environment, DeliveryEnvironmentSpec()))
    if env_example:
        sys.stdout.write(env.example())
        return
    sys.stdout.write(_HEAD.format(file=service.document.file) + to_yaml(made))
    for each in composed.without_container(service):
        sys.stderr.write(f"note: backing service {each} has no container here; its variables come from .env\n")

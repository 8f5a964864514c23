"""The environment variables that a container gets from the platform."""

from delivery_operator.api.environ import PROVIDED, Given
from docs.markdown import code, page, prose, table


def environ_page() -> str:
    """The page of the variables."""
    return page(
        "Environment variables",
        "operator/delivery_operator/api/environ.py",
        "What the containers of a service, its processes, migration and tasks, find in their environment beside "
        "`config`, `configFrom` and `backingServices`.",
        "## Facts about the pod",
        "Set by the operator; a service that sets one of them itself is refused.",
        _table(Given.RESERVED),
        "## Defaults of the platform",
        "Set unless the service's own `config`, `configFrom` or `backingServices` sets them.",
        _table(Given.DEFAULTED),
        "`backingServices[].pool` adds `NAME_POOL_MAX_OPEN`, `NAME_POOL_MAX_IDLE` and "
        "`NAME_POOL_MAX_LIFETIME_SECONDS`, with the binding's name in capitals.",
    )


def _table(given: Given) -> str:
    rows = [(code(each.name), prose(each.when), prose(each.value)) for each in PROVIDED if each.given is given]
    return table(("variable", "which containers", "value"), rows)

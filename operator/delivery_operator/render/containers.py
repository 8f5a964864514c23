"""Which of a pod's containers is the process's."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from delivery_operator.render import names

_JOB_CONTAINERS: Final = {names.MIGRATE: "migrator"}  # as the platform's documents call it (F12-5)


def job_container(role: str) -> str:
    """Name of the container in the Jobs of a role."""
    return _JOB_CONTAINERS.get(role, role)


def process_container(containers: Iterable[Mapping[str, Any]], pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find the process's container, which is named like the service; others may have been injected.

    Args:
        containers: of the pod's spec, or of its status.
        pod: whose labels say the service.
    """
    found = list(containers)
    service = (pod["metadata"].get("labels") or {}).get(names.SERVICE)
    named = [each for each in found if each["name"] == service]
    if named:
        return named[0]
    return found[0] if len(found) == 1 else None  # a platform's own templates may name it otherwise

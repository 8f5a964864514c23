"""The health check that the guide gives to Argo CD, run by a Lua interpreter on the states of a service.

tests/unit/engine/test_verdicts.py runs it on every state that walks come by.
"""

from typing import Any

import pytest

from tests.support.verdicts import argocd


def service(generation: int = 2, observed: int | None = 2, **true: str) -> dict[str, Any]:
    """A service whose named conditions are True, each with a message."""
    conditions = [
        {"type": kind, "status": "True" if kind in true else "False", "message": true.get(kind, "")}
        for kind in ("Ready", "Reconciling", "Stalled", "ConfigReady")
    ]
    status = {} if observed is None else {"status": {"observedGeneration": observed, "conditions": conditions}}
    return {"metadata": {"generation": generation}, "spec": {}, **status}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (service(observed=None), ("Progressing", "waiting for the operator")),
        (service() | {"status": {"observedGeneration": -1}}, ("Progressing", "waiting for the operator")),
        (service(observed=1, Ready="r1 serves"), ("Progressing", "waiting for the operator")),
        (service(Ready="r1 serves", ConfigReady="all there"), ("Healthy", "r1 serves")),
        (service(Reconciling="r2 migrates"), ("Progressing", "r2 migrates")),
        (service(Stalled="r2 failed"), ("Degraded", "r2 failed")),
        (service() | {"spec": {"paused": True}}, ("Suspended", "paused")),
    ],
    ids=["without a status", "new", "old status", "serving", "under way", "stalled", "paused"],
)
def test_health(given: dict[str, Any], said: tuple[str, str]) -> None:
    assert argocd(given) == said

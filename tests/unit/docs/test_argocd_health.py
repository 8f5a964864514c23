"""The health check that the guide gives to Argo CD, run by a Lua interpreter on the states of a service."""

from pathlib import Path
from typing import Any

import lupa
import pytest
import yaml

from tests.support.pages import read

GUIDE = Path(__file__).parents[3] / "docs/how-to/gitops-argocd.md"
KEY = "resource.customizations.health.delivery.dev_DeliveryService"


def health(service: dict[str, Any]) -> tuple[str, str]:
    (config,) = [block for block in read(GUIDE).blocks if KEY in block.text]
    script = yaml.safe_load(config.text)["data"][KEY]
    runtime = lupa.LuaRuntime(unpack_returned_tuples=True)
    check: Any = runtime.execute(f"return function(obj)\n{script}\nend")
    answer = check(runtime.table_from(service, recursive=True))
    return answer["status"], answer["message"]


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
        (service(observed=1, Ready="r1 serves"), ("Progressing", "waiting for the operator")),
        (service(Ready="r1 serves", ConfigReady="all there"), ("Healthy", "r1 serves")),
        (service(Reconciling="r2 migrates"), ("Progressing", "r2 migrates")),
        (service(Stalled="r2 failed"), ("Degraded", "r2 failed")),
        (service() | {"spec": {"paused": True}}, ("Suspended", "paused")),
    ],
    ids=["new", "old status", "serving", "under way", "stalled", "paused"],
)
def test_health(given: dict[str, Any], said: tuple[str, str]) -> None:
    assert health(given) == said

"""What Flux and Argo CD make of an object: their own rules, for tests of what our conditions tell them.

Flux goes by kstatus. `kstatus` is its rule for kinds that it does not know (checkGenericProperties and
checkReadyCondition in https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus/status). Argo CD goes by the
Lua script that the guide gives it, run here by a Lua interpreter.
"""

from functools import cache
from pathlib import Path
from typing import Any

import lupa
import yaml

from tests.support.pages import read

GUIDE = Path(__file__).parents[2] / "docs/how-to/gitops-argocd.md"
KEY = "resource.customizations.health.delivery.dev_DeliveryService"
Object = dict[str, Any]


def kstatus(body: Object) -> str:
    """Terminating, InProgress, Failed or Current."""
    if body["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status = body.get("status") or {}
    generation = body["metadata"].get("generation")
    if generation is not None and status.get("observedGeneration", generation) != generation:
        return "InProgress"
    conditions = status.get("conditions") or ()
    for each in conditions:
        if each["type"] == "Reconciling" and each["status"] == "True":
            return "InProgress"
        if each["type"] == "Stalled" and each["status"] == "True":
            return "Failed"
    for each in conditions:
        if each["type"] == "Ready":
            return "Current" if each["status"] == "True" else "InProgress"
    return "Current"


def argocd(body: Object) -> tuple[str, str]:
    """Argo CD's health status, e.g. Healthy, and its message."""
    runtime, check = _health()
    answer = check(runtime.table_from(body, recursive=True))
    return answer["status"], answer["message"]


@cache
def _health() -> tuple[Any, Any]:
    (config,) = [block for block in read(GUIDE).blocks if KEY in block.text]
    script = yaml.safe_load(config.text)["data"][KEY]
    runtime = lupa.LuaRuntime(unpack_returned_tuples=True)
    return runtime, runtime.execute(f"return function(obj)\n{script}\nend")

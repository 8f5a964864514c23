"""The restricted pod security standard, as far as our pods can break it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

VOLUMES: Final = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def pod_spec(manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find the pod template's spec of a manifest that makes pods."""
    spec: Mapping[str, Any] | None = (manifest.get("spec") or {}).get("template", {}).get("spec")
    return spec


def violations(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield what of a pod's spec the restricted standard refuses."""
    yield from (field for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field))
    yield from (f"volume {each['name']}" for each in spec.get("volumes", ()) if not VOLUMES & set(each))
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        own = {**_inherited(spec), **container.get("securityContext", {})}
        refused = {
            "privileged": own.get("privileged"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
            "runAsNonRoot": own.get("runAsNonRoot") is not True,
            "runAsUser": own.get("runAsUser") == 0,
            "seccompProfile": own.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"},
            "capabilities": _capable(own.get("capabilities", {})),
            "hostPort": any("hostPort" in port for port in container.get("ports", ())),
        }
        yield from (f"container {container['name']}: {what}" for what, found in refused.items() if found)


def _inherited(spec: Mapping[str, Any]) -> dict[str, Any]:
    pod = spec.get("securityContext", {})
    return {name: pod[name] for name in ("runAsNonRoot", "runAsUser", "seccompProfile") if name in pod}


def _capable(capabilities: Mapping[str, Any]) -> bool:
    return "ALL" not in capabilities.get("drop", ()) or bool(set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"})

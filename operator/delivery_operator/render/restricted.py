"""The restricted pod security standard, as far as a template can break it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_VOLUMES: Final = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
_INHERITED: Final = (
    "appArmorProfile",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile",
    "windowsOptions",
)
"""What a container has from its pod where it says nothing itself."""
_SELINUX_TYPES: Final = frozenset({"container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
_PROFILES: Final = frozenset({"RuntimeDefault", "Localhost"})


def pod_template(manifest: Mapping[str, Any]) -> Any:
    """Find the pod template of a Deployment, Job or CronJob; None for what makes no pods."""
    path = ("spec", "jobTemplate", "spec", "template") if manifest.get("kind") == "CronJob" else ("spec", "template")
    found: Any = manifest
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def violations(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield what of a pod's spec the restricted standard refuses."""
    yield from (field for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field))
    yield from (f"volume {each['name']}" for each in spec.get("volumes", ()) if not _VOLUMES & set(each))
    pod = spec.get("securityContext", {})
    yield from (f"sysctl {each['name']}" for each in pod.get("sysctls", ()))
    inherited = {name: pod[name] for name in _INHERITED if name in pod}
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        own = {**inherited, **container.get("securityContext", {})}
        refused = {
            "privileged": own.get("privileged"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
            "runAsNonRoot": own.get("runAsNonRoot") is not True,
            "runAsUser": own.get("runAsUser") == 0,
            "seccompProfile": own.get("seccompProfile", {}).get("type") not in _PROFILES,
            "appArmorProfile": own.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in _PROFILES,
            "seLinuxOptions": _relabelled(own.get("seLinuxOptions", {})),
            "windowsOptions": own.get("windowsOptions", {}).get("hostProcess"),
            "capabilities": _capable(own.get("capabilities", {})),
            "procMount": own.get("procMount", "Default") != "Default",
            "hostPort": any("hostPort" in port for port in container.get("ports", ())),
        }
        yield from (f"container {container['name']}: {what}" for what, found in refused.items() if found)


def _relabelled(options: Mapping[str, Any]) -> bool:
    return bool({"user", "role"} & set(options)) or options.get("type", "container_t") not in _SELINUX_TYPES


def _capable(capabilities: Mapping[str, Any]) -> bool:
    return "ALL" not in capabilities.get("drop", ()) or bool(set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"})

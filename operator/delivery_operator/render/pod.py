"""What a pod is made of beside its variables: image, resources, writable folders, bindings' files, and where it runs.

The same for a Deployment, a CronJob and a Job: `_pod.yaml.j2` writes it.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from delivery_operator.api.environment import Defaults, DeliveryEnvironmentSpec
from delivery_operator.api.process import Process
from delivery_operator.api.resources import Resources
from delivery_operator.api.service import DeliveryServiceSpec, OneOff
from delivery_operator.render import names
from delivery_operator.render.canonical import amount, digest, quantity
from delivery_operator.render.platform import MONITORING, Platform
from delivery_operator.render.probes import DEFAULTS, probes
from delivery_operator.render.variables import BINDING_ROOT, secret_of

METRICS: Final = "metrics"
_TMP: Final = "/tmp"  # noqa: S108 the pod's own, an emptyDir
_TMP_SIZE: Final = "64Mi"


def job_pod(spec: DeliveryServiceSpec, platform: Platform, one_off: OneOff) -> dict[str, Any]:
    """Build what the templates see as `pod` of a Job: what every pod of the service has, and its command.

    Raises:
        RenderError: a backing service's object names no Secret.
    """
    return {
        "image": spec.image,
        "imagePullSecrets": [{"name": secret} for secret in spec.image_pull_secrets] or None,
        "command": one_off.command,
        "resources": compute(one_off.resources, platform.environment.defaults),
        "annotations": {f"{names.BINDING_TYPE}.{each.name}": each.type for each in spec.backing_services if each.files},
        "restartPolicy": "Never",
        "ports": None,
        "probes": dict.fromkeys(DEFAULTS),
        "preStopSeconds": None,
        "graceSeconds": None,
        "nodeSelector": None,
        "priorityClassName": None,
        "spread": [],
        **_volumes(spec, platform, {}),
    }


def process_pod(spec: DeliveryServiceSpec, platform: Platform, process: Process) -> dict[str, Any]:
    """Build what the templates see as `pod` of a process.

    Raises:
        RenderError: a backing service's object names no Secret.
    """
    common = job_pod(spec, platform, OneOff(command=process.command, resources=process.resources))
    return {
        **common,
        "image": process.image or spec.image,
        "annotations": {**common["annotations"], **_scrape(process, platform)},
        "restartPolicy": "Never" if process.schedule else "Always",
        "ports": _ports(process) or None,
        "probes": probes(process),
        "preStopSeconds": process.shutdown.pre_stop_seconds,
        "graceSeconds": process.shutdown.grace,
        "nodeSelector": process.node_selector or None,
        "priorityClassName": process.priority_class_name,
        "spread": spread(process, platform.environment),
        **_volumes(spec, platform, process.scratch),
    }


def compute(own: Resources | None, defaults: Defaults) -> dict[str, dict[str, str]]:
    """Fill in a container's resources from the environment, in the API server's spelling.

    A default gives way where it does not go with what was said of the other side: the API server takes no request that
    is greater than its limit.
    """
    requests, limits = _side("requests", own, defaults), _side("limits", own, defaults)
    for name in requests.amounts.keys() & limits.amounts.keys():
        if amount(requests.amounts[name]) > amount(limits.amounts[name]):
            firm, default = (requests, limits) if requests.said_by > limits.said_by else (limits, requests)
            default.amounts[name] = firm.amounts[name]
    return {
        side: {name: quantity(each) for name, each in sorted(amounts.items())}
        for side, amounts in (("requests", requests.amounts), ("limits", limits.amounts))
        if amounts
    }


@dataclass(frozen=True)
class _Side:
    """Requests or limits, and who said them: 0 nobody, 1 the environment, 2 the service."""

    said_by: int
    amounts: dict[str, str]


def _side(name: Literal["requests", "limits"], own: Resources | None, defaults: Defaults) -> _Side:
    for said_by, resources in ((2, own), (1, defaults.resources)):
        amounts: dict[str, str] | None = getattr(resources, name, None)
        if amounts is not None:
            return _Side(said_by, dict(amounts))
    return _Side(0, dict(getattr(defaults, name)))


def spread(process: Process, environment: DeliveryEnvironmentSpec) -> list[str]:
    """Node labels over whose values the pods are spread."""
    return environment.defaults.spread if process.spread is None else process.spread


def metrics_port(process: Process) -> str:
    """Name of the container's port with the metrics: its own, or that of the requests when both are one."""
    if process.port and process.metrics and process.port.number == process.metrics.port:
        return process.port.protocol.value
    return METRICS


def _ports(process: Process) -> list[dict[str, Any]]:
    ports = []
    if process.port:
        ports.append({"name": process.port.protocol.value, "number": process.port.number})
    if process.metrics and metrics_port(process) == METRICS:
        ports.append({"name": METRICS, "number": process.metrics.port})
    return ports


def _scrape(process: Process, platform: Platform) -> dict[str, str]:
    """Annotations by which a Prometheus without its operator finds the pod."""
    if process.metrics is None or MONITORING in platform.served:
        return {}
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(process.metrics.port),
        "prometheus.io/path": process.metrics.path,
    }


def _volumes(spec: DeliveryServiceSpec, platform: Platform, scratch: dict[str, str]) -> dict[str, Any]:
    """Build the writable folders, /tmp always among them (F6-3), and the bindings' files."""
    sizes = {_TMP: _TMP_SIZE} | {_folder(path): size for path, size in sorted(scratch.items())}
    volumes: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []
    for path, size in sizes.items():
        name = "tmp" if path == _TMP else f"scratch-{digest(path)[:8]}"
        volumes.append({"name": name, "emptyDir": {"sizeLimit": quantity(size)}})
        mounts.append({"name": name, "mountPath": path})
    for binding in sorted(spec.backing_services, key=lambda each: each.name):
        if not binding.files:
            continue
        name = f"binding-{binding.name}"
        field = {"fieldPath": f"metadata.annotations['{names.BINDING_TYPE}.{binding.name}']"}
        projected = [
            {"secret": {"name": secret_of(binding, platform)}},
            # The last source wins over a key of the same name: the spec says what the binding is.
            {"downwardAPI": {"items": [{"path": "type", "fieldRef": field}]}},
        ]
        volumes.append({"name": name, "projected": {"sources": projected}})
        mounts.append({"name": name, "mountPath": f"{BINDING_ROOT}/{binding.name}", "readOnly": True})
    return {"volumes": volumes, "volumeMounts": mounts}


def _folder(path: str) -> str:
    """Spell a folder one way, so that none is mounted twice."""
    return "/" + "/".join(part for part in path.split("/") if part not in {"", "."})

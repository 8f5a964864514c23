"""What the templates are given: plain data computed from a service, one mapping per template."""

import re
from typing import Any, Final

from delivery_operator.api.environment import Defaults
from delivery_operator.api.process import Process, Resources
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.render import names
from delivery_operator.render.canonical import digest, quantity
from delivery_operator.render.platform import Platform

_NOT_IN_A_LABEL: Final = re.compile(r"[^0-9A-Za-z._-]+")


def service_context(name: str, namespace: str, spec: DeliveryServiceSpec, platform: Platform) -> dict[str, Any]:
    """Build what every template sees: the service, its labels, and the environment of its processes.

    Args:
        name: metadata.name of the DeliveryService.
        namespace: its namespace.
        spec: its spec.
        platform: what the environment and the cluster add.
    """
    literals = {key: variable.value for key, variable in sorted(spec.config.items()) if variable.value is not None}
    literal_source = names.config_map(name, digest(literals)) if literals else None
    return {
        "service": {
            "name": name,
            "namespace": namespace,
            "image": spec.image,
            "imagePullSecrets": [{"name": secret} for secret in spec.image_pull_secrets] or None,
            "progressDeadlineSeconds": spec.release.progress_deadline_seconds,
        },
        "labels": _labels(name, spec),
        "annotations": _annotations(spec),
        "config": {"name": literal_source, "data": literals},
        "envFrom": [{"configMapRef": {"name": literal_source}}] if literals else None,
        "env": _references(spec, platform),
        "defaults": platform.environment.defaults,
    }


def process_context(shared: dict[str, Any], process_name: str, process: Process) -> dict[str, Any]:
    """Add what the templates of one process see: Deployment, Service and PodDisruptionBudget."""
    name = shared["service"]["name"]
    port = process.port
    own = [{"name": "PORT", "value": str(port.number)}] if port else []
    own.append({"name": "SHUTDOWN_DRAIN_SECONDS", "value": str(process.shutdown.drain_seconds)})
    return {
        **shared,
        "labels": {
            **shared["labels"],
            names.TIER: process_name,
            names.PROCESS: process_name,
            "app.kubernetes.io/component": process_name,
        },
        "selector": {names.APP: name, names.TIER: process_name},
        "env": own + shared["env"],
        "process": {
            "name": process_name,
            "deployment": names.deployment(name, process_name),
            "service": names.network_service(name, process_name),
            "command": process.command,
            "replicas": process.pods,
            "port": port.model_dump(mode="json") if port else None,
            "resources": _resources(process.resources, shared["defaults"]),
            "preStopSeconds": process.shutdown.pre_stop_seconds,
            "graceSeconds": process.shutdown.grace,
        },
    }


def job_context(shared: dict[str, Any], role: str, spec: DeliveryServiceSpec) -> dict[str, Any]:
    """Add what the Job template sees.

    Raises:
        ValueError: the service has no migration.
    """
    migrate = spec.release.migrate
    if migrate is None:
        raise ValueError("a service without a migration has no Job")
    return {
        **shared,
        "labels": {
            **shared["labels"],
            names.TIER: role,
            names.ROLE: role,
            "app.kubernetes.io/component": role,
        },
        "job": {
            "role": role,
            "command": migrate.command,
            "timeoutSeconds": migrate.timeout_seconds,
            "backoffLimit": migrate.backoff_limit,
            "resources": _resources(migrate.resources, shared["defaults"]),
        },
    }


def _labels(name: str, spec: DeliveryServiceSpec) -> dict[str, str]:
    labels = {
        names.APP: name,
        names.SERVICE: name,
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/managed-by": names.MANAGER,
    }
    if spec.codebase:
        # A label holds fewer characters than a SemVer tag may have (its '+'); the annotation has it whole.
        version = _NOT_IN_A_LABEL.sub("_", spec.codebase.revision)[:63]
        labels["app.kubernetes.io/version"] = version.strip("._-")
    return labels


def _annotations(spec: DeliveryServiceSpec) -> dict[str, str]:
    if not spec.codebase:
        return {}
    return {names.REPOSITORY: spec.codebase.repository, names.REVISION: spec.codebase.revision}


def _references(spec: DeliveryServiceSpec, platform: Platform) -> list[dict[str, Any]]:
    variables: list[dict[str, Any]] = []
    for name, variable in sorted(spec.config.items()):
        sources = (("secretKeyRef", variable.secret_key_ref), ("configMapKeyRef", variable.config_map_key_ref))
        optional = {"optional": True} if variable.optional else {}
        variables.extend(
            {"name": name, "valueFrom": {kind: {**reference.model_dump(mode="json"), **optional}}}
            for kind, reference in sources
            if reference
        )
    variables.extend(
        {
            "name": name,
            "valueFrom": {"secretKeyRef": {"name": service.secret or platform.bindings[service.name], "key": key}},
        }
        for service in sorted(spec.backing_services, key=lambda each: each.name)
        for name, key in sorted(service.env.items())
    )
    return variables


def _resources(own: Resources | None, defaults: Defaults) -> dict[str, dict[str, str]]:
    requests = defaults.requests if own is None or own.requests is None else own.requests
    limits = defaults.limits if own is None or own.limits is None else own.limits
    return {
        side: {name: quantity(amount) for name, amount in sorted(amounts.items())}
        for side, amounts in (("requests", requests), ("limits", limits))
        if amounts
    }

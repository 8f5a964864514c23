"""What the templates are given: plain data computed from a service. This is the contract with a platform team.

Every template sees
  name, labels, annotations   of the object it makes
  service                     name, namespace, progressDeadlineSeconds
and beside that
  configmap                   data
  networkpolicy               policy: selector, types, ingress, egress
  deployment, cronjob, job    pod: what `_pod.yaml.j2` writes, see `pod.py`; env, envFrom and container beside it
  job                         job: timeoutSeconds, backoffLimit
  prometheusrule              alerts: deployments, container, cronJobs
and those of a process (deployment, cronjob, service, its networkpolicy, and those below)
  selector                    labels that its pods are found by
  process                     name, service, port, singleton, replicas, cron
  horizontalpodautoscaler, scaledobject    scaling: min, max, metrics or triggers, see `scaling.py`
  ingress, httproute, grpcroute            route: host, path, port, and what its kind needs, see `exposure.py`
  podmonitor                               metrics: port, path
"""

import re
from typing import Any, Final

from delivery_operator.api.process import Cron, Process, Protocol
from delivery_operator.api.service import DeliveryServiceSpec, OneOff
from delivery_operator.render import names
from delivery_operator.render.canonical import digest
from delivery_operator.render.containers import job_container
from delivery_operator.render.exposure import Route, by_load_balancer, service_port
from delivery_operator.render.network import egress, ingress
from delivery_operator.render.platform import Platform
from delivery_operator.render.pod import job_pod, metrics_port, process_pod
from delivery_operator.render.scaling import replicas
from delivery_operator.render.variables import Container, literals, sources, variables

Context = dict[str, Any]

_NOT_IN_A_LABEL: Final = re.compile(r"[^0-9A-Za-z._-]+")


def service_context(name: str, namespace: str, spec: DeliveryServiceSpec) -> Context:
    """Build what every template sees.

    Args:
        name: metadata.name of the DeliveryService.
        namespace: its namespace.
        spec: its spec.
    """
    return {
        "name": name,
        "service": {
            "name": name,
            "namespace": namespace,
            "progressDeadlineSeconds": spec.release.progress_deadline_seconds,
        },
        "labels": _labels(name, spec),
        "annotations": _annotations(spec),
    }


def account_context(shared: Context, spec: DeliveryServiceSpec) -> Context:
    """Add what the ServiceAccount's template sees; the operator's own annotations win."""
    return {**shared, "annotations": {**spec.service_account.annotations, **shared["annotations"]}}


def literals_context(shared: Context, spec: DeliveryServiceSpec) -> Context:
    """Add what the ConfigMap's template sees."""
    return {**shared, "name": _literal_source(shared, spec), "data": literals(spec)}


def service_policy_context(shared: Context, spec: DeliveryServiceSpec, platform: Platform) -> Context:
    """Add what the NetworkPolicy of all the service's pods has: nothing in, and what they may call."""
    service = shared["service"]["name"]
    policy = {
        "selector": {names.APP: service},
        "types": ["Ingress", "Egress"],
        "ingress": [],  # said, and so owned: a rule that somebody adds would open every pod
        "egress": egress(spec, platform),
    }
    return {**shared, "name": names.service_policy(service), "policy": policy}


def process_policy_context(
    context: Context, spec: DeliveryServiceSpec, platform: Platform, process: Process
) -> Context:
    """Add what the NetworkPolicy of one process has: who may call it; no rules for a worker."""
    policy = {
        "selector": context["selector"],
        "types": ["Ingress"],
        "ingress": ingress(spec, platform, process),
        "egress": None,
    }
    return {**context, "policy": policy}


def process_context(shared: Context, process_name: str, process: Process, platform: Platform) -> Context:
    """Add what the templates of one process see."""
    service = shared["service"]["name"]
    return {
        **shared,
        "name": names.deployment(service, process_name),
        "labels": {
            **shared["labels"],
            names.TIER: process_name,
            names.PROCESS: process_name,
            "app.kubernetes.io/component": process_name,
        },
        "selector": {names.APP: service, names.TIER: process_name},
        "process": {
            "name": process_name,
            "service": names.network_service(service, process_name),
            "port": _port(process),
            "singleton": process.singleton,
            "replicas": replicas(process, platform),
            "cron": _cron(process) if process.schedule else None,
        },
    }


def process_pod_context(context: Context, spec: DeliveryServiceSpec, platform: Platform, process: Process) -> Context:
    """Add what the templates of one process's pods see.

    Raises:
        RenderError: a backing service's object names no Secret.
    """
    container = Container(context["service"]["name"], context["process"]["name"], process)
    whole = _pod_context(context, spec, platform, container, process_pod(spec, platform, process))
    if context["process"]["replicas"] is None:
        # On the Deployment alone: were it on its pods, a change of scaling would restart them.
        whole["annotations"] = {**context["annotations"], names.REPLICAS: names.AUTOSCALED}
    return whole


def job_context(shared: Context, spec: DeliveryServiceSpec, platform: Platform, role: str, one_off: OneOff) -> Context:
    """Add what the template of a one-off process sees (factor XII).

    Its pods carry no label `tier`: they are no process type, and no Service may take them for one.

    Args:
        shared: what every template sees.
        spec: of the service.
        platform: what the environment and the cluster add.
        role: what it does: migrate, contract or task.
        one_off: what it runs.

    Raises:
        RenderError: a backing service's object names no Secret.
    """
    context = {
        **shared,
        "name": role,
        "labels": {**shared["labels"], names.ROLE: role, "app.kubernetes.io/component": role},
        "job": {"timeoutSeconds": one_off.timeout_seconds, "backoffLimit": one_off.backoff_limit},
    }
    container = Container(job_container(role), role)
    return _pod_context(context, spec, platform, container, job_pod(spec, platform, one_off))


def route_context(context: Context, route: Route) -> Context:
    """Add what the template of a route sees; the operator's own annotations win."""
    annotations = {**route.data.get("annotations", {}), **context["annotations"]}
    return {**context, "annotations": annotations, "route": route.data}


def metrics_context(context: Context, process: Process) -> Context:
    """Add what the PodMonitor's template sees."""
    path = process.metrics.path if process.metrics else None
    return {**context, "metrics": {"port": metrics_port(process), "path": path}}


def alerts_context(shared: Context, spec: DeliveryServiceSpec) -> Context:
    """Add what the PrometheusRule's template sees: names, and regular expressions that match names.

    Every name in them is a DNS label, so that none can leave its place in an expression.
    """
    service = shared["service"]["name"]
    steady = [name for name, process in sorted(spec.processes.items()) if not process.schedule]
    deployments = "|".join(names.deployment(service, name) for name in steady)
    cron_jobs = [
        {"name": names.deployment(service, name), "overdueSeconds": _cron(process)["timeoutSeconds"] + 60}
        for name, process in sorted(spec.processes.items())
        if process.schedule
    ]
    return {**shared, "alerts": {"deployments": deployments or None, "container": service, "cronJobs": cron_jobs}}


def _pod_context(
    context: Context, spec: DeliveryServiceSpec, platform: Platform, container: Container, pod: dict[str, Any]
) -> Context:
    service = context["service"]
    env = variables(service["name"], service["namespace"], spec, platform, container)
    return {
        **context,
        "pod": {
            **pod,
            "labels": context["labels"],
            "annotations": {**context["annotations"], **pod["annotations"]},
            "container": container.name,
            "env": env,
            "envFrom": sources(spec, _literal_source(context, spec)) or None,
        },
    }


def _literal_source(shared: Context, spec: DeliveryServiceSpec) -> str | None:
    values = literals(spec)
    return names.config_map(shared["service"]["name"], digest(values)) if values else None


def _labels(name: str, spec: DeliveryServiceSpec) -> dict[str, str]:
    labels = {
        names.APP: name,
        names.SERVICE: name,
        names.ENVIRONMENT: spec.environment,
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


def _port(process: Process) -> dict[str, Any] | None:
    if process.port is None:
        return None
    return {
        "name": process.port.protocol.value,
        "number": process.port.number,
        "servicePort": service_port(process.port),
        # HTTP/2 without TLS, by the name Kubernetes gives it: gateways and meshes go by it.
        "appProtocol": "kubernetes.io/h2c" if process.port.protocol is Protocol.GRPC else None,
        "serviceType": "LoadBalancer" if by_load_balancer(process) else "ClusterIP",
    }


def _cron(process: Process) -> dict[str, Any]:
    cron = process.cron or Cron()
    return {
        "schedule": process.schedule,
        "timeZone": cron.time_zone or "Etc/UTC",
        "concurrencyPolicy": cron.concurrency.value.capitalize(),
        "timeoutSeconds": cron.timeout_seconds,
        "backoffLimit": cron.backoff_limit,
    }

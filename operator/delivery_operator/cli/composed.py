"""A Compose file (https://compose-spec.io) with the processes, variables and backing services of a DeliveryService.

It is made from the same manifests that the cluster gets, so the two cannot drift (F10-2 to F10-4).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.cli.documents import Service
from delivery_operator.cli.localenv import DotEnv, LocalBinding, Source, expanded, local
from delivery_operator.cli.rendered import bundle, provisional_bindings
from delivery_operator.render import names
from delivery_operator.render.manifests import Manifest, render, task_job
from delivery_operator.render.platform import Platform

LOOPBACK: Final = "127.0.0.1"
_ON_DEMAND: Final = "on-demand"
_SIZES: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZES_BINARY: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_HEALTH: Final = {"interval": "5s", "timeout": "5s", "retries": 20}

Compose = dict[str, Any]


def compose(service: Service, environment: DeliveryEnvironmentSpec) -> tuple[Compose, DotEnv]:
    """Build the Compose file of a service, and what it needs from `.env`.

    Args:
        service: the service.
        environment: whose defaults its variables have.
    """
    beside = Platform(environment, frozenset(), provisional_bindings(service.spec))
    manifests = [
        *render(service.name, service.namespace, service.spec, bundle(None), beside),
        *_tasks(service, beside),
    ]
    literals = {each["metadata"]["name"]: each["data"] for each in manifests if each["kind"] == "ConfigMap"}
    workloads = dict(_workloads(manifests, service.spec))
    bindings = local(service.spec.backing_services, service.name, frozenset(workloads))
    env = DotEnv()
    source = Source(service.name, service.namespace, literals, bindings, env)
    ports = _HostPorts()
    migration = next((name for name, each in workloads.items() if _role(each) == names.MIGRATE), None)
    services: dict[str, Compose] = {}
    for name, manifest in workloads.items():
        depends = _depends(bindings, migration if name != migration else None)
        services[name] = _container(name, manifest, service, source, ports) | depends
    for each in bindings:
        services[each.host] = _backing(each, env, ports)
    volumes: Compose = {f"{each.host}_data": {} for each in bindings if each.known.data}
    return {"name": service.name, "services": services, **({"volumes": volumes} if volumes else {})}, env


def without_container(service: Service) -> list[str]:
    """Name the backing services that get no container here: their variables come from `.env`."""
    known = {each.binding.name for each in local(service.spec.backing_services, service.name, frozenset())}
    return [f"{each.name} ({each.type})" for each in service.spec.backing_services if each.name not in known]


class _HostPorts:
    """Gives each published port a free one on this machine: its own number where nobody has it."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def publish(self, number: int) -> str:
        host = number
        while host in self._taken:
            host += 1
        self._taken.add(host)
        return f"{LOOPBACK}:{host}:{number}"


def _tasks(service: Service, beside: Platform) -> Iterator[Manifest]:
    templates = bundle(None)
    for name, task in sorted(service.spec.tasks.items()):
        job = task_job(
            service.name,
            service.namespace,
            service.spec,
            templates,
            beside,
            command=task.command,
            timeout=task.timeout_seconds,
            backoff=task.backoff_limit,
            resources=task.resources,
        )
        job["metadata"]["name"] = name
        yield job


def _workloads(manifests: Iterable[Manifest], spec: DeliveryServiceSpec) -> Iterator[tuple[str, Manifest]]:
    """Pick what runs, by its name in the Compose file; a Job whose name is taken is called `<name>-job`.

    Processes keep theirs, and so do tasks where no process has it: those are names that somebody gave.
    """
    for each in manifests:
        labels = each["metadata"]["labels"]
        if each["kind"] in {"Deployment", "CronJob"}:
            yield labels[names.PROCESS], each
        elif role := _role(each):
            name = each["metadata"]["name"] if role == names.TASK else role
            taken = {*spec.processes, *(spec.tasks.keys() - {name} if role == names.TASK else spec.tasks)}
            while name in taken:
                name = f"{name}-job"
            yield name, each


def _container(name: str, manifest: Manifest, service: Service, source: Source, ports: _HostPorts) -> Compose:
    template = _pod_template(manifest)
    pod, labels = template["spec"], template["metadata"]["labels"]
    container = pod["containers"][0]
    variables = source.variables(container, labels)
    made: Compose = {
        "image": container["image"],
        "entrypoint": expanded(container["command"], variables),
        "environment": variables,
    }
    if files := source.files(container):
        made["env_file"] = files
    process = service.spec.processes.get(name) if manifest["kind"] == "Deployment" else None
    if process and process.port:
        made["ports"] = [ports.publish(process.port.number)]
        made["networks"] = {"default": {"aliases": [names.network_service(service.name, name)]}}
    if manifest["kind"] == "CronJob" or _role(manifest) in {names.CONTRACT, names.TASK}:
        made["profiles"] = [_ON_DEMAND]
    if grace := pod.get("terminationGracePeriodSeconds"):
        made["stop_grace_period"] = f"{grace}s"
    return made | _confined(pod, container)


def _confined(pod: Mapping[str, Any], container: Mapping[str, Any]) -> Compose:
    """What keeps the pod from writing and from rights it does not need holds here too (F6-3)."""
    volumes = {each["name"]: each for each in pod.get("volumes") or ()}
    tmpfs, binds = [], []
    for mount in container.get("volumeMounts") or ():
        volume = volumes[mount["name"]]
        if "emptyDir" in volume:
            tmpfs.append(f"{mount['mountPath']}:size={_size(volume['emptyDir']['sizeLimit'])},mode=1777")
        else:
            binds.append(f".{mount['mountPath']}:{mount['mountPath']}:ro")
    return {
        "read_only": True,
        "tmpfs": tmpfs,
        **({"volumes": binds} if binds else {}),
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }


def _backing(local_binding: LocalBinding, env: DotEnv, ports: _HostPorts) -> Compose:
    known, version = local_binding.known, local_binding.binding.version
    made: Compose = {"image": f"{known.image}:{known.tagged(version)}"}
    if known.command and local_binding.uses_password:
        made["command"] = [local_binding.fill(word, env) for word in known.command]
    if known.environment:
        made["environment"] = {name: local_binding.fill(text, env) for name, text in known.environment.items()}
    if known.ports:
        made["ports"] = [ports.publish(number) for number in known.ports]
    if known.data:
        made["volumes"] = [f"{local_binding.host}_data:{known.data}"]
    made["healthcheck"] = {"test": [local_binding.fill(word, env) for word in known.healthcheck], **_HEALTH}
    return made


def _depends(bindings: Iterable[LocalBinding], migration: str | None) -> Compose:
    conditions = {each.host: {"condition": "service_healthy"} for each in bindings}
    if migration:
        conditions[migration] = {"condition": "service_completed_successfully"}
    return {"depends_on": conditions} if conditions else {}


def _role(manifest: Manifest) -> str | None:
    """Say what a Job does; None for what is none."""
    return manifest["metadata"]["labels"][names.ROLE] if manifest["kind"] == "Job" else None


def _pod_template(manifest: Manifest) -> dict[str, Any]:
    spec = manifest["spec"]
    found: dict[str, Any] = (
        spec["jobTemplate"]["spec"]["template"] if manifest["kind"] == "CronJob" else spec["template"]
    )
    return found


def _size(quantity: str) -> int:
    """Turn a Kubernetes quantity into bytes."""
    number = quantity.rstrip("kKMGTi")
    unit = quantity.removeprefix(number)
    return int(float(number) * {**_SIZES, **_SIZES_BINARY}[unit])

"""What happens to a service on a real API server: users act, and a played kubelet says how its pods fare."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from delivery_operator.cluster.resources import LEASES
from delivery_operator.render import bundle, names
from delivery_operator.runtime.settings import LEASE
from tests.support import shop
from tests.support.faults.process.forked import pod_name
from tests.support.kube import Object, condition
from tests.support.kubelet import Exits, Fate, Hangs, usual
from tests.support.site import Site


@dataclass(frozen=True)
class Act:
    """What a user does, and what it leads to.

    Attributes:
        do: in the site.
        then: holds when it has had its effect.
    """

    do: Callable[[Site], object]
    then: Callable[[Site], bool]


@dataclass(frozen=True)
class Scenario:
    """One story.

    Attributes:
        about: what it is, for the table of plans.
        acts: what happens in it.
        before: what has happened before, with no fault.
        fate: what becomes of pods.
        replicas: how many operators there are; one of them leads.
    """

    about: str
    acts: tuple[Act, ...]
    before: tuple[Act, ...] = ()
    fate: Callable[[Object], Fate] = usual
    replicas: int = 1


def _serves(release: str) -> Callable[[Site], bool]:
    """Whether a release serves, as the status of the newest spec says."""
    return lambda site: _ready(site, "True") and _status(site).get("activeRelease") == release


def _failed(release: str) -> Callable[[Site], bool]:
    """Whether a release has failed, and the status of the newest spec says so."""

    def look(site: Site) -> bool:
        found = site.kube.find("DeliveryRelease", site.namespace, release)
        return bool(found) and _ready(site, "False") and (found or {}).get("status", {}).get("phase") == "Failed"

    return look


def _ready(site: Site, status: str) -> bool:
    found = site.kube.find("DeliveryService", site.namespace, "order") or {}
    if condition(found, "Ready").get("status") != status:
        return False
    return bool(found["status"]["observedGeneration"] == found["metadata"]["generation"])


def _status(site: Site) -> Object:
    return (site.kube.find("DeliveryService", site.namespace, "order") or {}).get("status") or {}


def _task_succeeded(site: Site) -> bool:
    found = site.kube.find("DeliveryTask", site.namespace, "seed-1") or {}
    return (found.get("status") or {}).get("phase") == "Succeeded"


def _migrates(site: Site) -> bool:
    return "order-r1-migrate" in {pod["metadata"]["labels"].get("job-name") for pod in site.kubelet.started.values()}


def _gone(site: Site) -> bool:
    """Whether all that a service had is gone, by owner references alone."""
    kinds = ("DeliveryService", "DeliveryRelease", "Job", "ConfigMap", "ServiceAccount", "NetworkPolicy")
    return not any(site.kube.list(kind, site.namespace, names.SERVICE) for kind in kinds[1:]) and not site.kube.find(
        kinds[0], site.namespace, "order"
    )


def _create(site: Site) -> None:
    site.kube.create(shop.service(site.namespace))


def _patch(**spec: Object | str | None) -> Callable[[Site], object]:
    return lambda site: site.kube.patch("DeliveryService", site.namespace, "order", {"spec": spec})


def _first(site: Site) -> None:
    site.kube.create(shop.secret(site.namespace))
    _create(site)


def _first_whose_migration_hangs(site: Site) -> None:
    _first(site)
    site.kubelet.fate = lambda pod: Hangs() if "job-name" in pod["metadata"]["labels"] else usual(pod)


def _rotate(site: Site) -> None:
    data = shop.secret(site.namespace, password="another-" + shop.PASSWORD)["data"]
    site.kube.patch("Secret", site.namespace, "db", {"data": data})


def _run_a_task(site: Site) -> None:
    metadata = {"name": "seed-1", "namespace": site.namespace}
    body = {"apiVersion": "delivery.dev/v1alpha1", "kind": "DeliveryTask", "metadata": metadata}
    site.kube.create({**body, "spec": {"service": "order", "command": ["order", "seed"]}})


def _create_again(site: Site) -> None:
    site.kubelet.fate = usual
    _create(site)


def _delete(site: Site) -> None:
    site.kube.delete("DeliveryService", site.namespace, "order")


def _has(release: str) -> Callable[[Site], bool]:
    return lambda site: site.kube.find("DeliveryRelease", site.namespace, release) is not None


def _depose(site: Site) -> None:
    """Give the Lease to the other replica; the one that led does not know it yet."""
    holder = site.kube.get(LEASES, site.namespace, LEASE)["spec"]["holderIdentity"]
    (other,) = {pod_name(0), pod_name(1)} - {holder}
    site.kube.patch(LEASES, site.namespace, LEASE, {"spec": {"holderIdentity": other}})


def _templates(limit: int) -> Callable[[Site], object]:
    """The platform team's templates keep so many old ReplicaSets."""

    def put(site: Site) -> None:
        text = bundle.load().sources["deployment"]
        changed = text.replace("revisionHistoryLimit: 2", f"revisionHistoryLimit: {limit}")
        data = {"data": {"deployment.yaml.j2": changed}}
        if site.kube.find("ConfigMap", site.namespace, "templates"):
            site.kube.patch("ConfigMap", site.namespace, "templates", data)
            return
        metadata = {"name": "templates", "namespace": site.namespace}
        site.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **data})

    return put


def _fleet(site: Site) -> None:
    """Two services whose environment rolls new templates in waves of one."""
    _templates(3)(site)
    upgrade = {"mode": "waves", "maxConcurrent": 1, "stopAfterFailures": 1}
    site.environment({"templates": {"configMap": "templates"}, "upgrade": upgrade})
    site.kube.create(shop.secret(site.namespace))
    for name in ("order", "order-other"):
        site.kube.create(shop.service(site.namespace, name, environment=site.environment_name, backingServices=[]))


def _all_have(limit: int, release: str) -> Callable[[Site], bool]:
    """Whether the wave is done, and every Deployment is made with these templates."""

    def look(site: Site) -> bool:
        environment = site.kube.get("DeliveryEnvironment", None, site.environment_name)
        upgrade = (environment.get("status") or {}).get("upgrade") or {}
        limits = {each["spec"]["revisionHistoryLimit"] for each in site.kube.list("Deployment", site.namespace)}
        done = upgrade.get("phase") == "Done" and upgrade.get("total") == 2
        return done and limits == {limit} and _serves(release)(site)

    return look


def _second_migration_fails(pod: Object) -> Fate:
    failing = pod["metadata"]["labels"].get("job-name") == "order-r2-migrate"
    return Exits(3, "column missing") if failing else usual(pod)


_SERVES: Final = Act(_first, _serves("order-r1"))


def _image(version: str, then: Callable[[Site], bool]) -> Act:
    return Act(_patch(image=f"{shop.IMAGE}:{version}"), then)


_SCALING: Final[Object] = {"web": {"replicas": None, "scaling": {"min": 2, "max": 5, "cpu": 70}}}
_CHANGE: Final[Object] = {"web": {"replicas": 1}}

SCENARIOS: Final = {
    "first release": Scenario("A service is made, with a migration.", (_SERVES,)),
    "image change": Scenario(
        "A new image, other config and fewer pods at once.",
        (
            Act(
                _patch(image=f"{shop.IMAGE}:v1.1.0", processes=_CHANGE, config={"LOG_LEVEL": {"value": "debug"}}),
                _serves("order-r2"),
            ),
        ),
        (_SERVES,),
    ),
    "secret rotation": Scenario(
        "A Secret that the release references changes.", (Act(_rotate, _serves("order-r2")),), (_SERVES,)
    ),
    "failed migration and repair": Scenario(
        "The migration of a new image fails; the next image mends it.",
        (_image("v1.1.0", _failed("order-r2")), _image("v1.2.0", _serves("order-r3"))),
        (_SERVES,),
        _second_migration_fails,
    ),
    "rollback": Scenario(
        "spec.release.rollbackTo names the first release.",
        (Act(_patch(release={"rollbackTo": 1}), _serves("order-r3")),),
        (_SERVES, _image("v1.1.0", _serves("order-r2"))),
    ),
    "process removed": Scenario(
        "A process goes from the spec.", (Act(_patch(processes={"relay": None}), _serves("order-r2")),), (_SERVES,)
    ),
    "scaling switched to an autoscaler": Scenario(
        "A process with a number of pods gets an autoscaler.",
        (Act(_patch(processes=_SCALING), _serves("order-r1")),),
        (_SERVES,),
    ),
    "task": Scenario(
        "A one-off process runs in the release that serves.", (Act(_run_a_task, _task_succeeded),), (_SERVES,)
    ),
    "template wave": Scenario(
        "The platform team's templates change, and two services take them in waves of one.",
        (Act(_templates(4), _all_have(4, "order-r2")),),
        (Act(_fleet, _all_have(3, "order-r1")),),
    ),
    "leader change": Scenario(
        "Of two replicas the one that leads loses its Lease to the other while a release is under way.",
        (_image("v1.1.0", _has("order-r2")), Act(_depose, _serves("order-r2"))),
        (_SERVES,),
        replicas=2,
    ),
    "service deleted": Scenario(
        "A service is deleted while its migration runs, and one of the same name is made.",
        (Act(_first_whose_migration_hangs, _migrates), Act(_delete, _gone), Act(_create_again, _serves("order-r1"))),
    ),
}

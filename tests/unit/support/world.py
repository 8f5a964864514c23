"""A small model of a cluster with one service in it, for tests of decisions.

It keeps what the operator can tell apart and nothing else: objects with uid, resourceVersion and generation; the API
server's answer to each write, preconditions included; and a cache between the two, as the operator's store is one, that
can be behind. Tests play the controllers: a Job ends, a Deployment's pods become available, or do not.
"""

import json
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from delivery_operator.api.base import API_VERSION
from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.release import KIND as RELEASE
from delivery_operator.api.release import ReferenceKind
from delivery_operator.api.service import KIND as SERVICE
from delivery_operator.api.task import KIND as TASK
from delivery_operator.cluster.repairs import Repairs
from delivery_operator.engine import authors, disposability, endings, events, locks
from delivery_operator.engine.decide import decide
from delivery_operator.engine.disposability import Record
from delivery_operator.engine.endings import Request
from delivery_operator.engine.events import Event
from delivery_operator.engine.history import History
from delivery_operator.engine.objects import Key, Object, key, owner
from delivery_operator.engine.plan import Apply, Create, Delete, HandOver, Plan, Resume, SetStatus, Write
from delivery_operator.engine.snapshot import Database, Lock, Obstacle, Reference, Refusal, Snapshot
from delivery_operator.render import names
from delivery_operator.render.bundle import Bundle
from delivery_operator.render.canonical import digest
from delivery_operator.render.platform import Platform
from tests.unit.support import builders
from tests.unit.support.merge import applied

Body = dict[str, Any]

MOST_PLANS: Final = 25
SECRET: Final = (ReferenceKind.SECRET, "db-credentials")

# Fields that an API server or a controller adds to what is applied.
_DEFAULTS: Final[dict[str, Body]] = {
    "Deployment": {"spec": {"minReadySeconds": 0, "template": {"spec": {"dnsPolicy": "ClusterFirst"}}}},
    "Service": {"spec": {"clusterIP": "10.0.0.7", "ipFamilies": ["IPv4"]}},
    "Job": {"spec": {"completions": 1}},
}


class Killed(Exception):
    """The operator ended between two writes."""


class World:
    """One service, its objects, and what the operator has seen of them."""

    def __init__(
        self, fields: Mapping[str, Any], *, bundle: Bundle = builders.BUNDLE, beside: "World | None" = None
    ) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        self.namespace = "shop" if beside is None else "pay"
        self.others: list[World] = [] if beside is None else [beside]
        """Worlds with a service of this name in another namespace, which see the same Leases."""
        for other in self.others:
            other.others.append(self)
        self.bundle = bundle
        self.objects: dict[Key, Body] = {}
        self.cache: dict[Key, Body] = {}
        self.platform = Platform()
        self.obstacle: Obstacle | None = None
        self.template_fault = ""
        self.renew = False
        """Whether a wave of the environment asks the service to take the templates of today."""
        self.unbound: dict[str, str] = {}
        self.contents: dict[Reference, dict[str, str]] = {SECRET: {"url": "postgres://db/order"}}
        self.repairs = Repairs(self._seconds)
        self.databases: dict[Database, tuple[str, ...]] = {("db-credentials", "postgresql"): ("database-order",)}
        """Names of the Leases of what each Secret leads to."""
        self.sees_others = True
        """Whether the operator looks at the other namespaces."""
        self.shutdowns: dict[str, Record] = {}
        self.log: list[str] = []
        """Every write that changed something, e.g. "apply Deployment order-web"."""
        self.told: list[Event] = []
        """Every Event there was."""
        self.jobs: Counter[str] = Counter()
        """Jobs that ever began to run, by the UID of their owner and their name."""
        self.started: Counter[tuple[str, int]] = Counter()
        """How often pods of a process of a release were started, where the controllers that a test plays count it."""
        self._last = 1
        self._applied: dict[Key, Body] = {}
        self.pods_lost = False
        """Whether the API server ever set a Deployment's number of pods to its default."""
        self._replicas_kept: set[str] = set()
        """UIDs of Deployments whose number of pods has another owner than the operator."""
        own = "uid-of-order" if beside is None else f"uid-of-order-{self.namespace}"
        self._put(builders.service(fields, namespace=self.namespace, uid=own))

    # What there is.

    @property
    def service(self) -> Body:
        """The DeliveryService."""
        return self.objects[SERVICE, "order"]

    @property
    def status(self) -> Body:
        """Its status."""
        found: Body = self.service["status"]
        return found

    def condition(self, kind: str) -> Body:
        """One condition of the service."""
        return next(each for each in self.status["conditions"] if each["type"] == kind)

    def said(self, kind: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        found = self.condition(kind)
        return found["status"], found["reason"]

    def of_kind(self, kind: str) -> dict[str, Body]:
        """All objects of a kind, by name."""
        return {name: body for (each, name), body in sorted(self.objects.items()) if each == kind}

    def release(self, number: int) -> Body:
        """A release."""
        return self.objects[RELEASE, f"order-r{number}"]

    def phases(self) -> dict[int, str]:
        """The phase of every release, by number."""
        releases = sorted(self.of_kind(RELEASE).values(), key=lambda each: int(each["spec"]["number"]))
        return {each["spec"]["number"]: (each.get("status") or {}).get("phase", "Pending") for each in releases}

    def deployment(self, process: str) -> Body:
        """The Deployment of a process."""
        return self.objects["Deployment", f"order-{process}"]

    def runs(self, process: str) -> str:
        """The number of the release whose pods the Deployment of a process makes."""
        return str(self.deployment(process)["spec"]["template"]["metadata"]["labels"][names.RELEASE])

    def job(self, number: int) -> Body:
        """The migration Job of a release."""
        return self.objects["Job", f"order-r{number}-migrate"]

    # What users do.

    def edit(self, **changes: Any) -> None:
        """Change top-level fields of the spec."""
        body = deepcopy(self.service)
        body["spec"] = deepcopy({**body["spec"], **changes})
        if body["spec"] != self.service["spec"]:
            body["metadata"]["generation"] += 1
            self._put(body)

    def replace_spec(self, spec: Body) -> None:
        """Give the service another spec altogether."""
        if spec != self.service["spec"]:
            generation = self.service["metadata"]["generation"] + 1
            self._put(
                {**self.service, "spec": spec, "metadata": {**self.service["metadata"], "generation": generation}}
            )

    def edit_process(self, process: str, **changes: Any) -> None:
        """Change fields of one process."""
        processes = self.service["spec"]["processes"]
        self.edit(processes={**processes, process: {**processes[process], **changes}})

    def annotate(self, name: str, value: str) -> None:
        """Set an annotation of the service."""
        metadata = self.service["metadata"]
        self._put({**self.service, "metadata": {**metadata, "annotations": {name: value}}})

    def policy(self, **changes: Any) -> None:
        """Change fields of spec.release."""
        self.edit(release={**self.service["spec"].get("release", {}), **changes})

    def change(self, kind: str, name: str, *, manager: str = "", **changes: Any) -> None:
        """Edit fields of the spec of a child by hand; with a manager the object tells who did it."""
        body = deepcopy(self.objects[kind, name])
        body["spec"] = {**body["spec"], **deepcopy(changes)}
        if manager:
            self._tell(body, manager, {"f:spec": {f"f:{field}": {} for field in changes}})
        self._put(_next_generation(body, self.objects[kind, name]))

    def edit_metadata(self, kind: str, name: str, **changes: Any) -> None:
        """Set fields of a child's metadata by hand; a child without owner tells that the operator made it."""
        body = deepcopy(self.objects[kind, name])
        body["metadata"] |= deepcopy(changes)
        if not body["metadata"]["ownerReferences"]:
            self._tell(body, names.MANAGER, {"f:metadata": {"f:labels": {}}})
        self._put(body)

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, and all that it owns."""
        gone = self.objects.pop((kind, name))
        self._applied.pop((kind, name), None)
        for found in list(self.objects.values()):
            controller = owner(found)
            if controller and controller["uid"] == gone["metadata"]["uid"] and key(found) in self.objects:
                self.delete(*key(found))

    def task(self, name: str = "seed-1", **spec: Any) -> None:
        """Make a DeliveryTask, as the API server takes it."""
        self._put(
            {
                "apiVersion": API_VERSION,
                "kind": TASK,
                "metadata": {"name": name, "generation": 1},
                "spec": {"service": "order", **(spec or {"task": "seed"})},
                "status": {"phase": "Pending"},
            }
        )

    def bind(self, **secrets: str) -> None:
        """Let provisioned services name these Secrets."""
        self.platform = replace(self.platform, bindings=secrets)

    def environment(self, **changes: Any) -> None:
        """Change top-level fields of the environment's spec."""
        spec = self.platform.environment.model_dump(by_alias=True, exclude_defaults=True) | changes
        self.platform = replace(self.platform, environment=DeliveryEnvironmentSpec.model_validate(spec))

    def add(self, body: Body) -> None:
        """Put an object there that the operator did not make."""
        self._put(body)

    # What controllers do.

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def job_ends(self, number: int, code: int = 0, message: str = "", *, reason: str = "") -> None:
        """End the migration Job of a release: its pod exits and says something, then the Job has its condition."""
        self.end_job(f"order-r{number}-migrate", code, message, reason=reason)

    def end_job(self, name: str, code: int = 0, message: str = "", *, reason: str = "") -> None:
        """End any Job."""
        job = deepcopy(self.objects["Job", name])
        assert not job["spec"]["suspend"], "it has not begun"
        self.tick(7)
        at = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        ended = {"state": {"terminated": {"exitCode": code, "message": message, "finishedAt": at}}}
        self._put(builders.pod(job, name=f"{job['metadata']['name']}-x1", container=ended))
        began = (self.now - timedelta(seconds=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
        kind = "Failed" if code else "Complete"
        job["status"] = {
            "startTime": began,
            "conditions": [{"type": kind, "status": "True", "lastTransitionTime": at, "reason": reason}],
            **({} if code else {"completionTime": at}),
        }
        self._put(job)

    def running_jobs(self) -> list[Body]:
        """The Jobs that have begun and not ended."""
        return [job for job in self.of_kind("Job").values() if not job["spec"].get("suspend") and not job.get("status")]

    def migration_says(self, number: int, container: Mapping[str, Any] | None) -> None:
        """Give the migration of a release a pod whose container has this status, or none yet."""
        job = self.job(number)
        labels = {names.ROLE: names.MIGRATE, names.RELEASE: str(number)}
        self._put(builders.pod(job, name=f"{job['metadata']['name']}-x1", labels=labels, container=container))

    def autoscale(self, process: str, replicas: int) -> None:
        """Write the number of pods as the HPA's controller does, which owns it from then on."""
        self._replicas_kept.add(self.deployment(process)["metadata"]["uid"])
        self.change("Deployment", f"order-{process}", replicas=replicas)

    def pods_come(self) -> None:
        """Give every Deployment all of its pods."""
        for name, body in self.of_kind("Deployment").items():
            replicas = body["spec"]["replicas"]
            self._set_deployment_status(
                name,
                {"replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            )

    def set_pods(self, process: str, **counts: int) -> None:
        """Give a Deployment these numbers of pods in its status."""
        progressing = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
        self._set_deployment_status(f"order-{process}", counts, progressing)

    def pods_do_not_come(self, process: str, *, overdue: bool = False) -> None:
        """Leave a Deployment with one new pod that is not available, beside the old ones."""
        replicas = self.deployment(process)["spec"]["replicas"]
        reason = "ProgressDeadlineExceeded" if overdue else "ReplicaSetUpdated"
        self._set_deployment_status(
            f"order-{process}",
            {"replicas": replicas + 1, "updatedReplicas": 1, "availableReplicas": replicas},
            {"type": "Progressing", "status": "False" if overdue else "True", "reason": reason},
        )

    def pod_says(self, process: str, number: int, container: Mapping[str, Any]) -> None:
        """Give a process of a release a pod whose container has this status."""
        labels = builders.process_labels(process, number)
        self._put(
            builders.pod(self.deployment(process), name=f"order-{process}-x1", labels=labels, container=container)
        )

    def pod_ends(self, process: str, release: int, *, code: int = 0, seconds: int = 1, grace: int = 23) -> None:
        """Ask a pod of a process to end, and let it end so many seconds later, as the operator sees it gone."""
        labels = {**builders.process_labels(process, release), names.SERVICE: "order"}
        asked = Request(self.now, grace, grace, 0)
        started, ended = self.now - timedelta(hours=1), self.now + timedelta(seconds=seconds)
        end = {"exitCode": code, "startedAt": started.isoformat(), "finishedAt": ended.isoformat()}
        pod = builders.pod(self.service, labels=labels, container={"name": "order", "state": {"terminated": end}})
        self.tick(seconds)
        entry = disposability.record(found) if (found := endings.ending(pod, asked)) else None
        if entry is not None:
            self.shutdowns[process] = disposability.merge(self.shutdowns.get(process), entry)

    def restart(self) -> None:
        """Let the operator start again: it knows what is there, and nothing of what is gone."""
        self.cache.clear()
        self.shutdowns.clear()

    def run(self) -> None:
        """Let everything go well until nothing is left to do."""
        for _ in range(MOST_PLANS):
            self.settle()
            waiting = self.running_jobs()
            for job in waiting:
                self.end_job(job["metadata"]["name"])
            before = {name: body.get("status") for name, body in self.of_kind("Deployment").items()}
            self.pods_come()
            after = {name: body.get("status") for name, body in self.of_kind("Deployment").items()}
            if not waiting and before == after:
                return
        raise AssertionError(f"the world does not come to rest; the last writes: {self.log[-MOST_PLANS:]}")

    # What the operator does.

    def observe(self, *, behind: Key | None = None) -> None:
        """Bring the operator's cache up to date, but for one object whose news has not come yet."""
        late = {behind} if self.cache else set()  # after a start everything is listed
        for each in {*self.objects, *self.cache} - late:
            found = self.objects.get(each)
            if found is None:
                self.cache.pop(each)
            else:
                self.cache[each] = found

    def snapshot(self, refusal: Refusal | None = None) -> Snapshot:
        """What the operator sees now."""
        seen = self.cache
        return Snapshot(
            now=self.now,
            service=seen[SERVICE, "order"],
            releases=[body for (kind, _), body in seen.items() if kind == RELEASE],
            children={
                each: body for each, body in seen.items() if each[0] not in {SERVICE, RELEASE, TASK, "Lease", "Pod"}
            },
            pods=[body for (kind, _), body in seen.items() if kind == "Pod"],
            referenced={
                reference: {name: digest(["hashed", value]) for name, value in content.items()}
                for reference, content in self.contents.items()
            },
            bundle=self.bundle,
            platform=self.platform,
            obstacle=self.obstacle,
            template_fault=self.template_fault,
            renew=self.renew,
            unbound=self.unbound,
            databases=self._databases(),
            locks={name: self._lock(body) for (kind, name), body in seen.items() if kind == "Lease"},
            lock_namespace="delivery-system",
            tasks=[body for (kind, _), body in seen.items() if kind == TASK],
            repairs=self.repairs.of(("shop", "order")),
            shutdowns=dict(self.shutdowns),
            refusals=[refusal] if refusal else (),
        )

    def _databases(self) -> dict[Database, tuple[str, ...]]:
        """Where the releases that have work to do are bound to, as far as their Secrets are there."""
        held = [body for (kind, _), body in self.cache.items() if kind == RELEASE]
        history = History.of(self.cache[SERVICE, "order"], held)
        return {
            place: self.databases.get(place, (f"database-{place[0]}",))
            for place in locks.places(history, self.platform.bindings)
            if (ReferenceKind.SECRET, place[0]) in self.contents
        }

    def _lock(self, lease: Body) -> Lock:
        """A Lease with what is known of its holder: what was seen here, and what there is elsewhere."""
        at = lease["metadata"]["labels"].get(names.HOLDER_NAMESPACE)
        world = next((each for each in (self, *self.others) if each.namespace == at), None)
        if world is None or (world is not self and not self.sees_others):
            return Lock(lease, visible=False)
        held = (self.cache if world is self else world.objects).values()
        uid = lease["metadata"]["labels"][names.HOLDER_UID]
        return Lock(
            lease,
            next((each for each in held if each["metadata"]["uid"] == uid), None),
            [each for each in held if each["kind"] == "Job"],
            [each for each in held if each["kind"] == "Pod"],
        )

    def plan(self) -> Plan:
        """What the operator would write next."""
        self.observe()
        return decide(self.snapshot())

    def settle(self, *, kill_after: int | None = None, behind: Key | None = None) -> Plan:
        """Decide and act until there is nothing to write; answer with the last, empty plan.

        Args:
            kill_after: end the operator after this many writes.
            behind: an object whose news does not come meanwhile, but for what the writes themselves bring back.

        Raises:
            Killed: as asked.
        """
        self.observe(behind=behind)
        for _ in range(MOST_PLANS):
            plan = decide(self.snapshot())
            if not plan.writes:
                return plan
            for write in plan.writes:
                if not self.write(write):
                    break
                if kill_after is not None:
                    kill_after -= 1
                    if kill_after <= 0:
                        self.cache.clear()
                        raise Killed
        raise AssertionError(f"{MOST_PLANS} plans in a row; the last writes: {self.log[-MOST_PLANS:]}")

    def write(self, write: Write) -> bool:
        """Make one write and tell of it; False when the world is not as it was seen: the cache knows better then."""
        as_seen = self._write(write)
        if as_seen:
            self.told += events.of(write)
            if isinstance(write, Create | Apply) and write.drift:
                self.repairs.note(("shop", "order"), write.drift)
        return as_seen

    def story(self) -> list[str]:
        """What the Events about the service say, in order: type and reason."""
        return [f"{each.type} {each.reason}" for each in self.told if each.about["kind"] == SERVICE]

    def _write(self, write: Write) -> bool:
        match write:
            case Create():
                return self._create_from(write)
            case Apply(manifest, uid, _):
                return self._apply(manifest, uid)
            case HandOver(target, replicas):
                return self._hand_over(target, replicas)
            case Resume(target):
                return self._unchanged(target) and self._resume(target)
            case Delete(target):
                return self._unchanged(target) and self._delete(target)
            case SetStatus(target, status):
                return self._unchanged(target) and self._set_status(target, status)

    def _create_from(self, write: Create) -> bool:
        if write.made_from is not None and not self._current(write.made_from):
            return False
        signed = authors.signed(write.manifest, write.changes, self.service) if write.changes else write.manifest
        return self._create(signed)

    def arrive(self, write: Write) -> None:
        """Let a request that the operator has given up reach the API server after all; nobody hears the answer."""
        cache = self.cache
        self.cache = dict(cache)
        if isinstance(write, Create):
            self._create(write.manifest)  # the look at what it is made from came before
        else:
            self.write(write)
        self.cache = cache

    def look_up(self, which: Key) -> None:
        """Let the operator read one object again."""
        self._refresh(which)

    def _create(self, manifest: Object) -> bool:
        found = self.objects.get(key(manifest))
        if found is not None:
            self.cache[key(manifest)] = found
            return False
        self._made("create", self._new(manifest))
        if manifest["kind"] == "Lease":
            for other in self.others:
                other.objects[key(manifest)] = self.objects[key(manifest)]
        assert manifest["kind"] != "Job" or manifest["spec"]["suspend"], "a Job runs before it is on record"
        return True

    def _apply(self, manifest: Object, uid: str | None) -> bool:
        found = self.objects.get(key(manifest))
        if (found["metadata"]["uid"] if found else None) != uid:
            self._refresh(key(manifest))
            return False
        if found is None:
            self._made("apply", self._new(manifest))
        else:
            merged = applied(found, self._applied.get(key(manifest), {}), manifest)
            merged["metadata"].pop("managedFields", None)  # a forced apply takes the fields
            self._default_replicas(merged, found)
            if merged != found:
                merged = _next_generation(merged, found)
                self._put(merged)
            self._made("apply", self.objects[key(manifest)])
        self._applied[key(manifest)] = deepcopy(dict(manifest))
        return True

    def _hand_over(self, target: Object, replicas: int) -> bool:
        """Another field manager takes the number: no conflict only as long as it is the live one."""
        found = self.objects.get(key(target))
        if found is None or found["spec"]["replicas"] != replicas:
            self._refresh(key(target))
            return False
        self._replicas_kept.add(found["metadata"]["uid"])
        self._put(deepcopy(found))
        self._made("hand over", self.objects[key(target)])
        return True

    def _resume(self, target: Object) -> bool:
        body = deepcopy(self.objects[key(target)])
        body["spec"]["suspend"] = False
        body["metadata"]["annotations"][names.RESUMED] = "true"
        self._put(body)
        self.jobs[f"{body['metadata']['ownerReferences'][0]['uid']} {body['metadata']['name']}"] += 1
        self._made("resume", self.objects[key(target)])
        return True

    def _delete(self, target: Object) -> bool:
        self.delete(*key(target))
        self.cache.pop(key(target))
        if target["kind"] == "Lease":
            for other in self.others:
                del other.objects[key(target)]
        self.log.append(f"delete {' '.join(key(target))}")
        return True

    def _set_status(self, target: Object, status: Body) -> bool:
        body = deepcopy(self.objects[key(target)])
        if body.get("status") != status:
            body["status"] = deepcopy(status)
            self._put(body)
        self._made("status", self.objects[key(target)])
        return True

    def _default_replicas(self, merged: Body, found: Body) -> None:
        """A field that its last manager drops goes, and the API server then sets its default."""
        if merged["kind"] == "Deployment" and "replicas" not in merged["spec"]:
            kept = found["metadata"]["uid"] in self._replicas_kept
            self.pods_lost |= not kept and found["spec"]["replicas"] > 1
            merged["spec"]["replicas"] = found["spec"]["replicas"] if kept else 1

    def _current(self, seen: Object) -> bool:
        """Whether the spec an object had when it was seen is the one it has now."""
        self._refresh(key(seen))
        found = self.objects.get(key(seen))
        return found is not None and all(
            found["metadata"][each] == seen["metadata"][each] for each in ("uid", "generation")
        )

    def _unchanged(self, target: Object) -> bool:
        """Whether the object still is exactly what was seen."""
        found = self.objects.get(key(target))
        as_seen = found is not None and all(
            found["metadata"][each] == target["metadata"][each] for each in ("uid", "resourceVersion")
        )
        if not as_seen:
            self._refresh(key(target))
        return as_seen

    def _refresh(self, which: Key) -> None:
        found = self.objects.get(which)
        if found is None:
            self.cache.pop(which, None)
        else:
            self.cache[which] = found

    def _made(self, verb: str, body: Body) -> None:
        self.cache[key(body)] = body
        self.log.append(f"{verb} {' '.join(key(body))}")

    def _new(self, manifest: Object) -> Body:
        body = applied(_DEFAULTS.get(manifest["kind"], {}), {}, manifest)
        if manifest["kind"] == "Deployment":
            body["spec"].setdefault("replicas", 1)
        body["metadata"] |= {
            "uid": f"uid-{self._last + 1}-{self.namespace}",
            "generation": 1,
            "creationTimestamp": self.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self._put(body)
        return self.objects[key(body)]

    def _seconds(self) -> float:
        return self.now.timestamp()

    def _tell(self, body: Body, manager: str, fields: Body) -> None:
        """Note in an object who wrote some of its fields, as the store keeps it."""
        at = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        body["metadata"]["managedFields"] = [{"manager": manager, "time": at, "fieldsV1": json.dumps(fields)}]

    def _put(self, body: Body) -> None:
        self._last += 1
        body = deepcopy(body)
        body["metadata"]["resourceVersion"] = str(self._last)
        body["metadata"].setdefault("namespace", self.namespace)
        body["metadata"].setdefault("uid", f"uid-{self._last}-{self.namespace}")
        self.objects[key(body)] = body

    def _set_deployment_status(self, name: str, counts: Body, progressing: Body) -> None:
        body = deepcopy(self.objects["Deployment", name])
        status = {**counts, "observedGeneration": body["metadata"]["generation"], "conditions": [progressing]}
        if body.get("status") != status:
            body["status"] = status
            self._put(body)


def _next_generation(body: Body, before: Body) -> Body:
    if body.get("spec") != before.get("spec"):
        body["metadata"]["generation"] = before["metadata"]["generation"] + 1
    return body

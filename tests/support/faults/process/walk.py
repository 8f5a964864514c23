"""A walk through specs on a real API server, whose refusals are real."""

from collections import Counter
from copy import deepcopy
from typing import Any, Final

from delivery_operator.api.reasons import STANDING
from delivery_operator.api.release import ReferenceKind
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.cluster.resources import SERVICES
from delivery_operator.engine.references import uses
from tests.support import shop
from tests.support.faults.steps import Step, home
from tests.support.kube import Object, RequestFailed, condition, wait_for
from tests.support.site import Site

DEADLINE: Final = 90
MOST_PODS: Final = 3
_TAKEN: Final = RequestFailed(200, {})
_UNDER_WAY: Final = {"Releasing", "Migrating", "Superseding"}


class Walk:
    """One service on its way. Every step asserts what must hold after it."""

    def __init__(self, site: Site) -> None:
        self.went: Counter[str] = Counter()
        self._site = site
        site.kube.create(shop.secret(site.namespace))
        site.kube.create(shop.service(site.namespace))
        shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=DEADLINE)
        self._home = self._runs()

    def step(self, step: Step) -> None:
        """Ask for another spec: it is refused with its cause, or reached, or the status tells what is in its way."""
        before = self._runs()
        spec = _small(step.spec)
        if step.given:
            self._give(spec)
        if self._asked(spec):
            self._settled(before)

    def revert(self) -> None:
        """Go back to the first spec: all is as it was."""
        self._site.kube.delete("Secret", self._site.namespace, "db")
        self._site.kube.create(shop.secret(self._site.namespace))
        assert self._asked(home())
        wait_for(lambda: self._said() == ("True", "Serving"), "the first spec to serve", DEADLINE, self._told)
        assert self._runs() == self._home
        self.went["reverted"] += 1

    def _asked(self, spec: Object) -> bool:
        """Whether the API server takes a spec; if not, it says why and nothing has changed."""
        refusal = wait_for(lambda: self._put(spec), "the spec to be taken or refused", DEADLINE)
        if refusal is _TAKEN:
            return True
        assert refusal.code in {400, 422}, refusal
        assert str(refusal.status["message"]).strip()
        self.went["refused"] += 1
        return False

    def _put(self, spec: Object) -> RequestFailed | None:
        """The API server's answer; None when somebody else, such as the operator, has written meanwhile."""
        found = self._service()
        path = SERVICES.path(self._site.namespace, "order")
        try:
            self._site.kube.request("PUT", f"{path}?fieldValidation=Strict", {**found, "spec": spec})
        except RequestFailed as refusal:
            return None if refusal.code == 409 else refusal
        return _TAKEN

    def _settled(self, before: dict[str, Any]) -> None:
        status, reason = wait_for(self._verdict, "a verdict on the spec", DEADLINE, self._told)
        if reason == "Paused":
            self.went["paused"] += 1
        elif status == "True":
            self.went["reached"] += 1
        else:
            if reason != "RollingOut":
                assert STANDING[reason].severity is not None, f"{reason} is no cause"
                assert self._runs() == before, "the last good release no longer serves as it did"
            assert condition(self._service(), "Ready")["message"]
            self.went["told why not"] += 1

    def _verdict(self) -> tuple[str, str] | None:
        said = self._said()
        if said is None or said[1] in _UNDER_WAY:
            return None
        if said[1] == "RollingOut":  # its pods may be such that no node takes them
            pods = self._site.kube.list("Pod", self._site.namespace, "delivery.dev/process")
            return said if any(condition(pod, "PodScheduled").get("status") == "False" for pod in pods) else None
        return said

    def _said(self) -> tuple[str, str] | None:
        found = self._service()
        ready = condition(found, "Ready")
        current = ready and found["status"]["observedGeneration"] == found["metadata"]["generation"]
        return (ready["status"], ready["reason"]) if current else None

    def _service(self) -> Object:
        return self._site.kube.get("DeliveryService", self._site.namespace, "order")

    def _told(self) -> object:
        return self._service()

    def _runs(self) -> dict[str, Any]:
        """What the pods of each process run, whichever release it is."""
        return {
            each["metadata"]["name"]: each["spec"]["template"]["spec"]
            for each in self._site.kube.list("Deployment", self._site.namespace)
        }

    def _give(self, spec: Object) -> None:
        """Make what a spec refers to, where it can be read."""
        try:
            parsed = DeliveryServiceSpec.model_validate(spec)
        except ValueError:
            return
        for use in uses(parsed, {}):
            kind = "Secret" if use.reference[0] is ReferenceKind.SECRET else "ConfigMap"
            data = {"stringData" if kind == "Secret" else "data": {use.key or "any": "value"}}
            metadata = {"name": use.reference[1], "namespace": self._site.namespace}
            if self._site.kube.find(kind, self._site.namespace, use.reference[1]):
                self._site.kube.patch(kind, self._site.namespace, use.reference[1], data)
            else:
                self._site.kube.create({"apiVersion": "v1", "kind": kind, "metadata": metadata, **data})


def _small(spec: Object) -> Object:
    """The spec with fewer pods: what a thousand of them do is not asked here."""
    small = deepcopy(spec)
    processes = small.get("processes")
    for process in processes.values() if isinstance(processes, dict) else ():
        if isinstance(process, dict) and isinstance(process.get("replicas"), int):
            process["replicas"] = min(process["replicas"], MOST_PODS)
    return small

"""Where one test takes place: a namespace of a control plane, with a played node and the operators it starts."""

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from devcluster.cluster import Cluster
from tests.support.kube import Kube, Object, wait_for
from tests.support.kubelet import FakeKubelet
from tests.support.operator import POD, OperatorProcess, renews, user
from tests.support.proxy import Proxy


@dataclass
class Site:
    """One namespace and all that a test needs in it."""

    kube: Kube
    cluster: Cluster
    namespace: str
    folder: Path
    kubelet: FakeKubelet
    kubeconfig: Object
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    runs: list[OperatorProcess] = field(default_factory=list)

    def start(self, kubeconfig: Object | None = None, pod: str = POD, **settings: str) -> OperatorProcess:
        """Start an operator for this namespace; the fixture ends it. A second replica needs another pod's name."""
        run = OperatorProcess(kubeconfig or self.kubeconfig, self.namespace, self.folder, pod, **settings)
        self.runs.append(run)
        return run

    def edit(self, **spec: object) -> None:
        """Change top-level fields of the order service's spec, as a user does."""
        self.kube.patch("DeliveryService", self.namespace, "order", {"spec": spec})

    @property
    def environment_name(self) -> str:
        """The name of this site's own DeliveryEnvironment: they belong to no namespace."""
        return f"env-{self.namespace}"

    def environment(self, spec: Object) -> Object:
        """Make this site's environment; it goes with the site."""
        return self.kube.create(
            {
                "apiVersion": "delivery.dev/v1alpha1",
                "kind": "DeliveryEnvironment",
                "metadata": {"name": self.environment_name},
                "spec": spec,
            }
        )

    @contextlib.contextmanager
    def proxied(self) -> Iterator[tuple[Proxy, Object]]:
        """Put a proxy between operators and the API server: it and the kubeconfig that leads through it."""
        with Proxy(self.kube.host, str(self.kube.certificate_authority)) as proxy:
            kubeconfig = copy.deepcopy(self.kubeconfig)
            kubeconfig["clusters"][0]["cluster"] = {"server": proxy.url}
            yield proxy, kubeconfig

    def writes(self) -> list[Object]:
        """Every write request of the operator that the API server recorded, but those that hold its Lease."""
        verbs = {"create", "update", "patch", "delete", "deletecollection"}
        return [
            event
            for event in self.cluster.audit_events(self.began)
            if event["user"].get("username") == user(self.namespace)
            and event["verb"] in verbs
            and not renews(event, self.namespace)
        ]

    def wait_told(self, reason: str, words: str = "") -> None:
        """Wait for an Event with this reason, and these words: they are posted a moment after what they tell of."""

        def told() -> bool:
            found = self.kube.list("Event", self.namespace)
            return any(each["reason"] == reason and words in (each.get("message") or "") for each in found)

        wait_for(told, f"the Event {reason} {words}")

    def wait_for_lists(self, number: int) -> None:
        """Wait until an operator that works has listed everything this many times more: it has looked at each service.

        One that starts lists too, and nobody looks at what it has listed until it works.
        """
        running = [run for run in self.runs if run.running()]
        wait_for(lambda: any(run.says("started") for run in running), "an operator to work", 60)

        def lists() -> int:
            return sum(
                event["verb"] == "list" and event["objectRef"]["resource"] == "deliveryservices"
                for event in self.cluster.audit_events(self.began)
                if event["user"].get("username") == user(self.namespace)
            )

        start = lists()
        wait_for(lambda: lists() >= start + number, f"{number} more lists", 60)

    def close(self) -> None:
        for run in self.runs:
            if run.running():
                run.kill()
        if self.kube.find("DeliveryEnvironment", None, self.environment_name):
            self.kube.delete("DeliveryEnvironment", None, self.environment_name)

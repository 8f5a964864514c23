"""Where one test takes place: a namespace of a control plane, with a played node and the operators it starts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from devcluster.cluster import Cluster
from tests.support.kube import Kube, Object
from tests.support.kubelet import FakeKubelet
from tests.support.operator import OperatorProcess, user


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
    _runs: list[OperatorProcess] = field(default_factory=list)

    def start(self, kubeconfig: Object | None = None, **settings: str) -> OperatorProcess:
        """Start an operator for this namespace; the fixture ends it."""
        run = OperatorProcess(kubeconfig or self.kubeconfig, self.namespace, self.folder, **settings)
        self._runs.append(run)
        return run

    def writes(self) -> list[Object]:
        """Every write request of the operator that the API server recorded."""
        verbs = {"create", "update", "patch", "delete", "deletecollection"}
        return [
            event
            for event in self.cluster.audit_events(self.began)
            if event["user"]["username"] == user(self.namespace) and event["verb"] in verbs
        ]

    def close(self) -> None:
        for run in self._runs:
            if run.running():
                run.kill()

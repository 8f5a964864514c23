"""A small synchronous client for tests: plain JSON objects in and out, and waiting with a deadline."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import urllib3
from kubernetes import config

from delivery_operator.api import environment
from delivery_operator.api.base import GROUP, VERSION
from delivery_operator.cluster.resources import BY_KIND, Resource

Object = dict[str, Any]
T = TypeVar("T")

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", frozenset())
NODES = Resource("", "v1", "nodes", "Node", frozenset())
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet", frozenset())
LOOK_SECONDS = 0.1
CONTROLLERS = "kube-controller-manager"
MERGE = "application/merge-patch+json"


class RequestFailed(Exception):
    """The API server answered with an error."""

    def __init__(self, code: int, status: Object) -> None:
        super().__init__(f"{code}: {status.get('message')}")
        self.code = code
        self.status = status


class Kube:
    """Requests as the administrator."""

    def __init__(self, kubeconfig: Path) -> None:
        client = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
        self.host: str = client.configuration.host
        self.certificate_authority = Path(client.configuration.ssl_ca_cert)
        self._pool: urllib3.PoolManager = client.rest_client.pool_manager
        self._client = client  # keeps the files of its certificates

    def request(
        self, method: str, path: str, body: Object | None = None, content_type: str = "application/json"
    ) -> Object:
        """Make one request. Raises RequestFailed for every answer but a 2xx."""
        response = self._pool.request(
            method,
            self.host + path,
            body=None if body is None else json.dumps(body),
            headers={"Content-Type": content_type, "Accept": "application/json"},
            timeout=urllib3.Timeout(total=30),
            retries=False,
        )
        answer: Object = json.loads(response.data) if response.data else {}
        if response.status >= 300:
            raise RequestFailed(response.status, answer)
        return answer

    def get(self, kind: str | Resource, namespace: str | None, name: str) -> Object:
        return self.request("GET", _resource(kind).path(namespace, name))

    def find(self, kind: str | Resource, namespace: str | None, name: str) -> Object | None:
        """Return an object, or None when there is none."""
        try:
            return self.get(kind, namespace, name)
        except RequestFailed as error:
            if error.code == 404:
                return None
            raise

    def list(self, kind: str | Resource, namespace: str | None, selector: str = "") -> list[Object]:
        query = f"?labelSelector={selector}" if selector else ""
        items: list[Object] = self.request("GET", _resource(kind).path(namespace) + query)["items"]
        return items

    def create(self, body: Object) -> Object:
        resource = _resource(body["kind"])
        return self.request("POST", resource.path(body["metadata"].get("namespace")), body)

    def patch(
        self, kind: str | Resource, namespace: str | None, name: str, patch: Object, subresource: str | None = None
    ) -> Object:
        """JSON merge patch."""
        return self.request("PATCH", _resource(kind).path(namespace, name, subresource), patch, MERGE)

    def autoscale(self, namespace: str, deployment: str, replicas: int) -> None:
        """Write through the scale subresource, as the HPA's controller does."""
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}/scale?fieldManager={CONTROLLERS}"
        metadata = {"name": deployment, "namespace": namespace}  # without a version: whatever it is now
        self.request("PUT", path, {"metadata": metadata, "spec": {"replicas": replicas}})

    def delete(self, kind: str | Resource, namespace: str | None, name: str, *, grace: int | None = None) -> None:
        options = {"propagationPolicy": "Background", **({} if grace is None else {"gracePeriodSeconds": grace})}
        self.request("DELETE", _resource(kind).path(namespace, name), options)


def _resource(kind: str | Resource) -> Resource:
    if isinstance(kind, Resource):
        return kind
    return {"Namespace": NAMESPACES, "ReplicaSet": REPLICA_SETS, "Node": NODES, **EXTRA, **BY_KIND}[kind]


EXTRA = {
    "ClusterRoleBinding": Resource(
        "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", frozenset(), namespaced=False
    ),
    "ClusterRole": Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", frozenset()),
    "Role": Resource("rbac.authorization.k8s.io", "v1", "roles", "Role", frozenset()),
    "RoleBinding": Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", frozenset()),
    "ResourceQuota": Resource("", "v1", "resourcequotas", "ResourceQuota", frozenset()),
    "CustomResourceDefinition": Resource(
        "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", frozenset()
    ),
    "ValidatingAdmissionPolicy": Resource(
        "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", frozenset()
    ),
    "ValidatingAdmissionPolicyBinding": Resource(
        "admissionregistration.k8s.io",
        "v1",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        frozenset(),
    ),
    "DeliveryEnvironment": Resource(GROUP, VERSION, environment.PLURAL, environment.KIND, frozenset()),
    "Database": Resource("example.com", "v1", "databases", "Database", frozenset()),  # tests/support/crds
}


def wait_for(
    look: Callable[[], T | None], what: str, seconds: float = 60, detail: Callable[[], object] | None = None
) -> T:
    """Look until there is something, or fail at the deadline with what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            said = f"\n{detail()}" if detail else ""
            raise AssertionError(f"not within {seconds} s: {what}{said}")
        time.sleep(LOOK_SECONDS)


def condition(obj: Object | None, kind: str) -> Object:
    """The condition of a type, or an empty one."""
    conditions = ((obj or {}).get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind), {})

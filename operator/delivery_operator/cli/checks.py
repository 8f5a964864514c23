"""The checks of `doctor`: is the cluster fit, is the operator installed as it should be, and does it work."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from delivery_operator import __version__
from delivery_operator.api import policy
from delivery_operator.api.base import GROUP
from delivery_operator.api.crd import DEFINITIONS, Definition, crd
from delivery_operator.api.status import Severity
from delivery_operator.cli import neighbours, standing
from delivery_operator.cli.session import Cluster
from delivery_operator.cluster import hashkey
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.errors import NotFound, Refused
from delivery_operator.cluster.leases import Record
from delivery_operator.cluster.resources import DEPLOYMENTS, LEASES, PODS, SECRETS, SERVICES, Resource
from delivery_operator.render.names import MANAGER
from delivery_operator.render.platform import GATEWAY, KEDA, MONITORING

CRDS: Final = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", frozenset()
)
POLICIES: Final = Resource(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", frozenset()
)
POLICY_BINDINGS: Final = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    frozenset(),
)
ACCESS_REVIEWS: Final = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", frozenset()
)

OLDEST: Final = (1, 31)
"""Oldest minor version of Kubernetes, as the chart has it: the first to take the CRDs' CEL on address ranges."""

_INSTALL: Final = "install or upgrade the chart: docs/how-to/install.md"
_RIGHTS: Final = (
    ("list", GROUP, "deliveryservices", ""),
    ("patch", GROUP, "deliveryservices", ""),
    ("create", GROUP, "deliverytasks", ""),
    ("patch", "apps", "deployments", ""),
    ("get", "", "pods", "log"),
)
_USES: Final = {
    GATEWAY: "expose by a gateway",
    KEDA: "scaling by the length of a queue",
    MONITORING: "PodMonitor and PrometheusRule",
}


class Grade(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """The answer of one check.

    Attributes:
        check: what was looked at.
        grade: how it came out.
        says: what is so.
        remedy: what to do; empty where nothing is to be done.
    """

    check: str
    grade: Grade
    says: str
    remedy: str = ""


async def findings(cluster: Cluster) -> AsyncIterator[Finding]:
    """Make every check, one after the other; what may not be looked at is a warning."""
    for check, look in _CHECKS:
        try:
            async for finding in look(cluster, check):
                yield finding
        except Refused as error:
            yield Finding(check, Grade.WARNING, error.message, "ask somebody who may look, or for that right")
        except NotFound as error:  # a kind that is not there
            yield Finding(check, Grade.PROBLEM, f"the API server does not serve {error.request}", _INSTALL)


async def _version(cluster: Cluster, check: str) -> AsyncIterator[Finding]:
    answer = await cluster.api.answer("/version")
    found = int(answer["major"]), int("".join(filter(str.isdigit, answer["minor"])))
    fits = found >= OLDEST
    remedy = "" if fits else f"upgrade the cluster to {OLDEST[0]}.{OLDEST[1]} or newer"
    yield Finding(check, Grade.OK if fits else Grade.PROBLEM, f"Kubernetes {answer['gitVersion']}", remedy)


async def _definitions(cluster: Cluster, check: str) -> AsyncIterator[Finding]:
    for definition in DEFINITIONS:
        name = f"{definition.plural}.{GROUP}"
        live = await cluster.api.find(CRDS, None, name)
        if live is None:
            yield Finding(check, Grade.PROBLEM, f"{name} is not installed", _INSTALL)
        elif standing.condition(live, "Established").get("status") != "True":
            yield Finding(check, Grade.PROBLEM, f"{name} is not established", f"kubectl describe crd {name}")
        elif _schema(live) != _schema(_wanted(definition)):
            says = f"{name} is not that of version {__version__}"
            yield Finding(check, Grade.PROBLEM, says, "upgrade the chart's CRDs, or use the kubectl-delivery of theirs")
        else:
            yield Finding(check, Grade.OK, f"{name} is that of version {__version__}")


def _wanted(definition: Definition) -> Body:
    found: Body = crd(definition)
    return found


def _schema(body: Body) -> Any:
    return body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


async def _policy(cluster: Cluster, check: str) -> AsyncIterator[Finding]:
    for resource, wanted in zip((POLICIES, POLICY_BINDINGS), policy.policy(), strict=True):
        live = await cluster.api.find(resource, None, policy.NAME)
        if live is None:
            says = f"there is no {resource.kind} {policy.NAME}: what an environment forbids is not refused"
            yield Finding(check, Grade.PROBLEM, says, _INSTALL)
        elif resource is POLICIES and live["spec"].get("validations") != wanted["spec"]["validations"]:
            says = f"{resource.kind} {policy.NAME} is not that of version {__version__}"
            yield Finding(check, Grade.PROBLEM, says, _INSTALL)
        else:
            yield Finding(check, Grade.OK, f"{resource.kind} {policy.NAME} is there")


async def _operator(cluster: Cluster, check: str) -> AsyncIterator[Finding]:
    found = await _operators(cluster)
    if not found:
        yield Finding(check, Grade.PROBLEM, "no operator is installed in any namespace", _INSTALL)
    for each in found:
        where = f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        ready, wanted = (each.get("status") or {}).get("readyReplicas", 0), each["spec"].get("replicas", 1)
        if ready == 0:
            namespace = each["metadata"]["namespace"]
            remedy = f"kubectl -n {namespace} describe pods, and logs -l app.kubernetes.io/name={MANAGER}"
            yield Finding(check, Grade.PROBLEM, f"{where} has no ready pod of {wanted}", remedy)
        else:
            yield Finding(check, Grade.OK, f"{where} runs, {ready} of {wanted} ready")


async def _leader(cluster: Cluster, check: str) -> AsyncIterator[Finding]:
    for each in await _operators(cluster):
        namespace, name = each["metadata"]["namespace"], each["metadata"]["name"]
        lease = await cluster.api.find(LEASES, namespace, name)
        holder = Record.of(lease).holder if lease is not None else ""
        logs = f"kubectl -n {namespace} logs -l app.kubernetes.io/name={MANAGER}"
        if not holder:
            yield Finding(check, Grade.PROBLEM, f"no replica of {namespace}/{name} leads, so none works", logs)
        elif await cluster.api.find(PODS, namespace, holder) is None:
            says = f"{holder} led {namespace}/{name} and is gone; another replica takes over within 20 s"
            yield Finding(check, Grade.WARNING, says, f"{logs}, if none does")
        else:
            yield Finding(check, Grade.OK, f"{holder} leads {namespace}/{name}")


async def _key(cluster: Cluster, check: str) -> AsyncIterator[Finding]:
    for namespace in sorted({each["metadata"]["namespace"] for each in await _operators(cluster)}):
        # Metadata alone: the key itself is nobody's to see.
        listing = await cluster.api.list(SECRETS, namespace, metadata_only=True)
        if any(each["metadata"]["name"] == hashkey.NAME for each in listing.items):
            yield Finding(check, Grade.OK, f"Secret {namespace}/{hashkey.NAME} is there")
        else:
            remedy = (
                "restore it from a backup before the operator starts; without one, each service makes a new release"
            )
            yield Finding(check, Grade.PROBLEM, f"Secret {namespace}/{hashkey.NAME} is missing", remedy)


async def _operators(cluster: Cluster) -> list[Body]:
    selector = f"app.kubernetes.io/name={MANAGER}"
    return (await cluster.api.list(DEPLOYMENTS, None, selector=selector)).items


async def _rights(cluster: Cluster, check: str) -> AsyncIterator[Finding]:
    missing = [each for each in _RIGHTS if not await _may(cluster, *each)]
    for verb, _, resource, subresource in missing:
        what = f"{resource}/{subresource}" if subresource else resource
        says = f"you may not {verb} {what} in namespace {cluster.namespace}"
        yield Finding(check, Grade.WARNING, says, "ask for the ClusterRole edit there, which the chart extends")
    if not missing:
        yield Finding(check, Grade.OK, f"you may do what the commands need in namespace {cluster.namespace}")


async def _may(cluster: Cluster, verb: str, group: str, resource: str, subresource: str) -> bool:
    attributes = {
        "namespace": cluster.namespace,
        "verb": verb,
        "group": group,
        "resource": resource,
        "subresource": subresource,
    }
    body = {
        "apiVersion": ACCESS_REVIEWS.api_version,
        "kind": ACCESS_REVIEWS.kind,
        "spec": {"resourceAttributes": attributes},
    }
    answer = await cluster.api.submit(ACCESS_REVIEWS, None, body)
    return bool(answer["status"]["allowed"])


async def _optional(cluster: Cluster, check: str) -> AsyncIterator[Finding]:
    for api_version, use in _USES.items():
        try:
            await cluster.api.answer(f"/apis/{api_version}")
        except NotFound:
            yield Finding(check, Grade.OK, f"{api_version} is not served: no {use}")
        else:
            yield Finding(check, Grade.OK, f"{api_version} is served: {use}")


async def _services(cluster: Cluster, check: str) -> AsyncIterator[Finding]:
    listing = await cluster.api.list(SERVICES, cluster.namespace)
    found = [(each, finding) for each in listing.items for finding in of_service(each, check)]
    for _, finding in found:
        yield finding
    well = len(listing.items) - len({each["metadata"]["name"] for each, _ in found})
    if well:
        yield Finding(
            check, Grade.OK, f"{well} of {len(listing.items)} services of namespace {cluster.namespace} are well"
        )
    elif not found:
        yield Finding(check, Grade.OK, f"there are no services in namespace {cluster.namespace}")


def of_service(service: Body, check: str) -> Iterator[Finding]:
    """What is wrong with one service; when it is not Ready and nothing is wrong, it is under way."""
    name, listed = service["metadata"]["name"], standing.problems(service)
    for each in listed:
        about = f", {each.about}" if each.about else ""
        grade = Grade.PROBLEM if each.severity == Severity.ERROR else Grade.WARNING
        yield Finding(check, grade, f"{name}: {each.reason}{about}: {each.message}", each.remedy)
    if not listed and standing.word(service) != "Ready":
        remedy = f"kubectl delivery describe {name}"
        yield Finding(check, Grade.WARNING, f"{name} is {standing.word(service)}: {standing.sentence(service)}", remedy)


async def _neighbours(cluster: Cluster, check: str) -> AsyncIterator[Finding]:
    services = neighbours.read((await cluster.api.list(SERVICES, cluster.namespace)).items)
    well = f"the services of namespace {cluster.namespace} share no codebase, and their pools fit their databases"
    for each in _remarked(check, list(neighbours.of_namespace(services)), well):
        yield each


async def _environments(cluster: Cluster, check: str) -> AsyncIterator[Finding]:
    services = neighbours.read((await cluster.api.list(SERVICES, None)).items)
    well = f"the services of namespace {cluster.namespace} have the versions that they have in others"
    for each in _remarked(check, list(neighbours.of_environments(services, cluster.namespace)), well):
        yield each


def _remarked(check: str, remarks: Sequence[neighbours.Remark], well: str) -> list[Finding]:
    found = [Finding(check, Grade.WARNING, each.says, each.remedy) for each in remarks]
    return found or [Finding(check, Grade.OK, well)]


_CHECKS: Final = (
    ("cluster", _version),
    ("kinds", _definitions),
    ("policy", _policy),
    ("operator", _operator),
    ("leader", _leader),
    ("hash key", _key),
    ("rights", _rights),
    ("optional", _optional),
    ("services", _services),
    ("neighbours", _neighbours),
    ("environments", _environments),
)

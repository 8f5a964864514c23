"""`kubectl delivery validate` and the API server agree on what the environments' policy refuses."""

import contextlib
import uuid
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery_operator.admission.policy import Policy
from delivery_operator.admission.validate import validate
from delivery_operator.api import environment
from delivery_operator.api.base import API_VERSION
from delivery_operator.api.policy import policy
from tests.support import shop
from tests.support.kube import Kube, Object, RequestFailed, wait_for

SERVICES: Final = "/apis/delivery.dev/v1alpha1/namespaces/default/deliveryservices?dryRun=All&fieldValidation=Strict"
SHA: Final = "@sha256:" + "0123456789abcdef" * 4
PRE_RELEASE: Final = "registry.example.com/shop/order:v1.0.0-rc.1"

SPECS: Final[tuple[Object, ...]] = (
    {},
    {"tier": "production"},
    {"tier": "production", "policy": {"preReleases": True}},
    {"tier": "staging", "policy": {"preReleases": False, "requireDigest": True}},
    {"policy": {"registries": ["registry.example.com/shop", "other.example.com"]}},
    {"exposure": {"domain": "example.com"}},
    {"exposure": {"ingress": {"className": "nginx"}}, "policy": {"requireDigest": True}},
    {"exposure": {"domain": "example.com", "gateway": {"name": "g", "namespace": "gateways"}}, "tier": "production"},
)
PROCESSES: Final[tuple[Object, ...]] = (
    {"command": ["run"]},
    {"command": ["run"], "image": f"registry.example.com/shop/web{SHA}"},
    {"command": ["run"], "image": f"third.example.com/web{SHA}"},
    {"command": ["run"], "port": {"number": 80}, "expose": {}},
    {"command": ["run"], "port": {"number": 80}, "expose": {"host": "order.example.com"}},
    {"command": ["run"], "port": {"number": 80}, "expose": {"type": "loadBalancer"}},
)
IMAGES: Final = (
    "registry.example.com/shop/order:v1.0.0",
    "other.example.com/order:v1.0.0",
    "registry.example.com/shopping:v1.0.0",
    PRE_RELEASE,
    f"registry.example.com/shop/order{SHA}",
    f"{PRE_RELEASE}{SHA}",
    "order:nightly",
)
REVISIONS: Final = ("v1.0.0", "v1.0.0-rc.1", "1.0.0-beta", "v1.0.0+build.1", "0123456")


RANDOM = settings(
    max_examples=200, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def environments(kube: Kube) -> Iterator[list[Object]]:
    """An environment of each spec, and the policy, which has seen them all."""
    for body in policy():
        with contextlib.suppress(RequestFailed):  # another worker was faster
            kube.create(body)
    suffix = uuid.uuid4().hex[:8]
    created = []
    try:
        for index, spec in enumerate(SPECS):
            metadata = {"name": f"e{index}-{suffix}"}
            body = {"apiVersion": API_VERSION, "kind": environment.KIND, "metadata": metadata, "spec": spec}
            created.append(kube.create(body))
        for each in created:
            wait_for(partial(_sees, kube, each), f"the policy to see {each['metadata']['name']}")
        yield created
    finally:
        for each in created:
            kube.delete(environment.KIND, None, each["metadata"]["name"])


def test_random_services_are_refused_offline_exactly_when_the_policy_refuses_them(
    kube: Kube, environments: list[Object]
) -> None:
    definition, binding = policy()
    bound = Policy(definition, binding, environments)
    names = [each["metadata"]["name"] for each in environments]
    verdicts: Counter[bool] = Counter()

    @RANDOM
    @given(_services([*names, "nowhere"]))
    def compare(body: Object) -> None:
        found = [str(each) for each in validate(body, [bound])]
        refusal = _refusal(kube, body)
        assert bool(found) == bool(refusal), f"offline {found}, the server {refusal}"
        assert not refusal or any(each in refusal for each in found)
        verdicts[bool(found)] += 1

    compare()
    assert min(verdicts.values()) > len(SPECS), "both verdicts must have been tried"


def _services(names: list[str]) -> st.SearchStrategy[Any]:
    codebases = st.fixed_dictionaries(
        {"repository": st.just("https://git.example.com/shop/order"), "revision": st.sampled_from(REVISIONS)}
    )
    fields: dict[str, st.SearchStrategy[Any]] = {
        "environment": st.sampled_from(names),
        "image": st.sampled_from(IMAGES),
        "codebase": codebases,
        "processes": st.dictionaries(st.sampled_from(["web", "api"]), st.sampled_from(PROCESSES), min_size=1),
    }
    return st.fixed_dictionaries(fields).map(lambda spec: shop.service("default", **spec))


def _sees(kube: Kube, body: Object) -> bool:
    """Whether a service that no environment of SPECS takes is refused in this one."""
    process = {"command": ["run"], "port": {"number": 80}, "expose": {}}
    spec: Object = {
        "environment": body["metadata"]["name"],
        "image": "order:v1.0.0-rc.1",
        "processes": {"web": process},
    }
    # By its name: until it has learned of environments a new policy refuses everything, in other words.
    return body["metadata"]["name"] in _refusal(kube, shop.service("default", **spec))


def _refusal(kube: Kube, body: Object) -> str:
    """What the API server says; empty when it takes the service."""
    try:
        kube.request("POST", SERVICES, body)
    except RequestFailed as refused:
        return str(refused)
    return ""

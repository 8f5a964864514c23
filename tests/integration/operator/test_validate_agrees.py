"""`kubectl delivery validate` and the API server agree: the same verdict, and offline everything the server says.

Two things are the cluster's alone and left out: whether the object's namespace is the request's, and what an object's
kind is when it is not that of the request's path.
"""

from collections import Counter
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery_operator.admission.problem import Problem
from delivery_operator.admission.validate import validate
from delivery_operator.api import environment, service, task
from tests.support import generate, shop
from tests.support.changes import REFUSED, TAKEN, Change
from tests.support.kube import Kube, Object, RequestFailed
from tests.support.mutate import mutated

MUTATIONS: Final = 200
NAMESPACE: Final = "default"
REPEATED: Final = "some validation rules were not checked"
"""The API server's remark that there may be more."""

PLURALS: Final = {service.KIND: service.PLURAL, task.KIND: task.PLURAL, environment.KIND: environment.PLURAL}
RANDOM = settings(
    max_examples=MUTATIONS,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.mark.parametrize(("change", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_the_server_refuses_is_refused_offline_in_its_words(kube: Kube, change: Change, message: str) -> None:
    body = shop.service(NAMESPACE)
    change(body["spec"])
    found = _agreed(kube, body)
    assert any(message in str(each) for each in found)


@pytest.mark.parametrize("change", [row[1] for row in TAKEN], ids=[row[0] for row in TAKEN])
def test_what_the_server_takes_is_taken_offline(kube: Kube, change: Change) -> None:
    body = shop.service(NAMESPACE)
    change(body["spec"])
    assert _agreed(kube, body) == []


@pytest.mark.parametrize("kind", PLURALS)
@pytest.mark.timeout(600)
def test_random_mutations_are_refused_offline_exactly_when_the_server_refuses_them(kube: Kube, kind: str) -> None:
    verdicts: Counter[bool] = Counter()

    @RANDOM
    @given(mutated(_valid(kind)))
    def compare(body: Object) -> None:
        verdicts[bool(_agreed(kube, body, kind))] += 1

    compare()
    assert verdicts.total() >= MUTATIONS
    assert min(verdicts[True], verdicts[False]) >= MUTATIONS // 25, "both verdicts must have been tried"


@pytest.mark.parametrize("kind", PLURALS)
@pytest.mark.timeout(600)
def test_random_valid_objects_are_taken_by_both(kube: Kube, kind: str) -> None:
    @RANDOM
    @given(_valid(kind))
    def take(body: Object) -> None:
        assert _agreed(kube, body, kind) == []

    take()


def _valid(kind: str) -> st.SearchStrategy[Any]:
    if kind == environment.KIND:
        return generate.objects(kind)
    generated = generate.objects(kind, NAMESPACE)
    return st.one_of(st.builds(shop.service, st.just(NAMESPACE)), generated) if kind == service.KIND else generated


def _agreed(kube: Kube, body: Object, kind: str = service.KIND) -> list[Problem]:
    """The problems found offline, after the server gave the same verdict and named none that is not among them."""
    found = validate(body)
    refusal = _refusal(kube, body, kind)
    assert bool(found) == (refusal is not None), f"offline {[*map(str, found)]}, the server {refusal}"
    if refusal is not None and body.get("kind") == kind:
        said = {each.message for each in found}
        assert [each for each in _causes(refusal) if each not in said] == []
    return found


def _causes(refusal: RequestFailed) -> list[str]:
    causes = refusal.status.get("details", {}).get("causes", [])
    # A generated name has random letters; its prefix is among the causes as well.
    generated = any(each.get("field") == "metadata.generateName" for each in causes)
    return [
        each["message"]
        for each in causes
        if REPEATED not in each["message"] and not (generated and each.get("field") == "metadata.name")
    ]


def _refusal(kube: Kube, body: Object, kind: str) -> RequestFailed | None:
    within = "" if kind == environment.KIND else f"/namespaces/{NAMESPACE}"
    path = f"/apis/delivery.dev/v1alpha1{within}/{PLURALS[kind]}?dryRun=All&fieldValidation=Strict"
    try:
        kube.request("POST", path, body)
    except RequestFailed as refused:
        if refused.code < 500:
            return refused
        raise
    return None

"""Every rule of the models and of the policy on a real API server: what it takes, what it refuses, and how."""

import contextlib
import uuid
from collections.abc import Callable, Iterator

import pytest

from delivery_operator.api.policy import policy
from tests.support import rules
from tests.support.kube import Kube, Object, RequestFailed, wait_for
from tests.support.rules import ENVIRONMENT, POLICY, SERVICE, TASK, Case, Fields

PATHS = {
    "DeliveryService": "/apis/delivery.dev/v1alpha1/namespaces/default/deliveryservices",
    "DeliveryTask": "/apis/delivery.dev/v1alpha1/namespaces/default/deliverytasks",
    "DeliveryEnvironment": "/apis/delivery.dev/v1alpha1/deliveryenvironments",
}


@pytest.mark.parametrize("case", SERVICE, ids=str)
def test_of_a_service(kube: Kube, case: Case) -> None:
    _holds(kube, case, lambda fields, name: rules.service(fields, name or "order"))


@pytest.mark.parametrize("case", TASK, ids=str)
def test_of_a_task(kube: Kube, case: Case) -> None:
    _holds(kube, case, lambda fields, name: rules.of_kind("DeliveryTask", fields, name or "seed-1"))


@pytest.mark.parametrize("case", ENVIRONMENT, ids=str)
def test_of_an_environment(kube: Kube, case: Case) -> None:
    _holds(kube, case, lambda fields, name: rules.of_kind("DeliveryEnvironment", fields, name or "production"))


def test_a_task_cannot_be_changed(kube: Kube) -> None:
    name = f"seed-{uuid.uuid4().hex[:8]}"
    kube.create(rules.of_kind("DeliveryTask", {"task": "seed"}, name))
    with pytest.raises(RequestFailed, match="a task is run once as it was written"):
        kube.patch("DeliveryTask", "default", name, {"spec": {"task": "feed"}})
    kube.patch("DeliveryTask", "default", name, {"metadata": {"labels": {"team": "shop"}}})
    kube.delete("DeliveryTask", "default", name)


@pytest.fixture(scope="module")
def environments(kube: Kube) -> Iterator[dict[str, str]]:
    """An environment for each rule of the policy, by its message, all seen by the policy."""
    for body in policy():
        with contextlib.suppress(RequestFailed):  # another worker was faster
            kube.create(body)
    names = {case.message: f"rule-{index}-{uuid.uuid4().hex[:8]}" for index, case in enumerate(POLICY)}
    for case in POLICY:
        kube.create(rules.of_kind("DeliveryEnvironment", case.environment, names[case.message]))
    try:
        yield names
    finally:
        for name in names.values():
            kube.delete("DeliveryEnvironment", None, name)


@pytest.mark.parametrize("case", POLICY, ids=str)
def test_of_the_policy(kube: Kube, environments: dict[str, str], case: Case) -> None:
    name = environments[case.message]

    def said() -> str:
        return _refusal(kube, rules.service({**case.refused, "environment": name})) or ""

    # A new policy first takes everything, and then refuses everything until it has learned of environments.
    wait_for(lambda: case.message.strip("'") in said() and name in said(), "the refusal by the rule", 60, said)
    assert _refusal(kube, rules.service({**case.taken, "environment": name})) is None
    elsewhere = rules.service({**case.refused, "environment": "nowhere"})
    assert _refusal(kube, elsewhere) is None, "it is about services of that environment alone"


def _holds(kube: Kube, case: Case, body: Callable[[Fields, str | None], Object]) -> None:
    assert _refusal(kube, body(case.taken, None)) is None
    said = _refusal(kube, body(case.refused, case.name))
    assert said is not None
    assert case.message in said


def _refusal(kube: Kube, body: Object) -> str | None:
    """What the API server says; None when it takes the object."""
    try:
        kube.request("POST", f"{PATHS[body['kind']]}?dryRun=All&fieldValidation=Strict", body)
    except RequestFailed as error:
        return str(error)
    return None

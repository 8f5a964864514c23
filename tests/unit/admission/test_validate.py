"""A whole object: what the API server would say of it at its creation."""

import subprocess
import sys
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from delivery_operator.admission.policy import Policy
from delivery_operator.admission.problem import Kind
from delivery_operator.admission.validate import complete, validate
from delivery_operator.api import environment, policy, service, task
from tests.support import generate, shop
from tests.support.changes import REFUSED, TAKEN, Change

Object = dict[str, Any]
SOME = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def changed(change: Change) -> Object:
    body = shop.service("default")
    change(body["spec"])
    return body


@pytest.mark.parametrize(("change", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_with_a_remedy(change: Change, message: str) -> None:
    """F1-6, F3-2, F5-7, among others."""
    assert any(message in str(each) for each in validate(changed(change)))


@pytest.mark.parametrize("change", [row[1] for row in TAKEN], ids=[row[0] for row in TAKEN])
def test_taken(change: Change) -> None:
    assert validate(changed(change)) == []


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "kind", 'kind: no matches for kind "None" in version "None"'),
        ({"apiVersion": [], "kind": {}}, "kind", 'kind: no matches for kind "{}" in version "[]"'),
        (
            {"apiVersion": "delivery.dev/v2", "kind": "DeliveryService"},
            "kind",
            'kind: no matches for kind "DeliveryService" in version "delivery.dev/v2"',
        ),
        ({**shop.service("x"), "spec": None}, "spec", "spec: Required value"),
        ({**shop.service("x"), "metadata": None}, "metadata.name", "name or generateName is required"),
        ({**shop.service("x"), "metadata": {"name": 1}}, "metadata.name", "metadata.name must be of type string"),
        ({**shop.service("x"), "extra": 1}, "extra", 'unknown field "extra"'),
        ({**shop.service("x"), "status": {"extra": 1}}, "status.extra", 'unknown field "status.extra"'),
    ],
)
def test_whole_objects_that_are_refused(body: Object, field: str, message: str) -> None:
    found = validate(body)
    assert found[0].field == field
    assert message in str(found[0])


def test_a_status_is_dropped_and_not_validated() -> None:
    assert validate({**shop.service("x"), "status": {"release": 3}}) == []


def test_problems_come_in_the_servers_order_and_rules_wait_for_a_sound_shape() -> None:
    body = changed(lambda spec: spec.update(image="order:latest", imagee="x", replicas=1))
    kinds = [each.kind for each in validate(body)]
    assert kinds == [Kind.UNKNOWN_FIELD, Kind.UNKNOWN_FIELD, Kind.INVALID]
    body["spec"]["processes"]["web"]["command"] = "order web"
    assert [each.kind for each in validate(body)] == [Kind.UNKNOWN_FIELD, Kind.UNKNOWN_FIELD, Kind.TYPE_INVALID]


def test_a_generated_name_is_held_to_the_rules_of_a_name() -> None:
    body = shop.service("x")
    body["metadata"] = {"generateName": "order-"}
    assert validate(body) == []
    body["metadata"] = {"generateName": "a" * 36}
    assert "metadata.name may have at most 40 characters" in str(validate(body)[0])


def test_the_object_is_left_as_it_is() -> None:
    body = shop.service("x")
    before = deepcopy(body)
    validate(body)
    assert body == before


def test_what_is_not_json_is_not_guessed() -> None:
    with pytest.raises(TypeError, match="not JSON"):
        validate(changed(lambda spec: spec.update(image={1: 2})))


def test_complete_fills_in_defaults() -> None:
    found = complete({**shop.service("x"), "status": {"release": "r"}})
    assert found["spec"]["environment"] == "default"
    assert "status" not in found
    with pytest.raises(ValueError, match="not of this API"):
        complete({"apiVersion": "v1", "kind": "Pod"})


def production(**spec: Any) -> Object:
    spec = {"tier": "production", **spec}
    return {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryEnvironment",
        "metadata": {"name": "production"},
        "spec": spec,
    }


@pytest.mark.parametrize(
    ("spec", "environments", "message"),
    [
        ({"image": "order:v1.0.0-rc.1"}, [production()], "production takes none; release a version without a suffix"),
        ({"image": "order:v1.0.0-rc.1"}, [production(policy={"preReleases": True})], None),
        ({"image": "order:v1.0.0-rc.1", "environment": "staging"}, [production()], None),
        ({"image": "order:v1.0.0-rc.1"}, [], None),
        ({}, [production(policy={"requireDigest": True})], "takes images by digest only"),
        ({}, [production(policy={"registries": ["other.example.com"]})], "takes images from other.example.com only"),
    ],
)
def test_the_environments_policy(spec: Object, environments: list[Object], message: str | None) -> None:
    definition, binding = policy.policy()
    body = shop.service("x", **{"environment": "production", **spec})
    found = [str(each) for each in validate(body, [Policy(definition, binding, environments)])]
    assert len(found) == (message is not None)
    assert message is None or message in found[0]


def test_a_policy_waits_for_a_sound_shape() -> None:
    definition, binding = policy.policy()
    body = shop.service("x", environment="production", processes=[])
    found = validate(body, [Policy(definition, binding, [production(policy={"requireDigest": True})])])
    assert [each.kind for each in found] == [Kind.TYPE_INVALID]


@pytest.mark.timeout(300)  # objects are made of patterns, which takes a busy machine a minute
@pytest.mark.parametrize("kind", [service.KIND, task.KIND, environment.KIND])
def test_random_valid_objects_are_taken(kind: str) -> None:
    @SOME
    @given(generate.objects(kind))
    def take(body: Object) -> None:
        assert validate(body) == []

    take()


def test_what_renders_does_not_load_a_cel_interpreter() -> None:
    """It takes a quarter of a second, which `kubectl delivery render` does not have."""
    program = (
        "import delivery_operator.admission, delivery_operator.render.manifests, sys; print('celpy' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"

"""The status of a DeliveryEnvironment."""

from datetime import UTC, datetime, timedelta
from typing import Any

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.engine import environment
from delivery_operator.engine.environment import Templates
from delivery_operator.engine.plan import Plan, SetStatus
from tests.unit.support import builders

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BODY = {"kind": "DeliveryEnvironment", "metadata": {"name": "production", "generation": 3}, "spec": {}}


def told(body: dict[str, Any], templates: Templates | str, now: datetime = NOW) -> dict[str, Any]:
    (write,) = environment.decide(body, templates, now).writes
    assert isinstance(write, SetStatus)
    return write.status


def conditions(status: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}


def test_whole_templates_are_ready_and_named_by_their_digest() -> None:
    status = told(BODY, Templates(builders.BUNDLE))
    assert status["templates"] == builders.BUNDLE.digest
    assert conditions(status) == {
        "Ready": ("True", "TemplatesReady"),
        "Reconciling": ("False", "Idle"),
        "Stalled": ("False", "NotStalled"),
    }


def test_nothing_is_written_when_nothing_changed() -> None:
    body = {**BODY, "status": told(BODY, Templates(builders.BUNDLE))}
    assert environment.decide(body, Templates(builders.BUNDLE), NOW + timedelta(hours=1)) == Plan()


def test_a_fault_is_told_with_its_place_and_since_when() -> None:
    healthy = {**BODY, "status": told(BODY, Templates(builders.BUNDLE))}
    status = told(
        healthy, Templates(builders.BUNDLE, "template job.yaml.j2, line 3: 'x' is undefined"), NOW + timedelta(1)
    )
    assert conditions(status)["Ready"] == ("False", "TemplateInvalid")
    assert conditions(status)["Stalled"] == ("True", "TemplateInvalid")
    assert "templates" not in status
    ready = status["conditions"][0]
    assert "job.yaml.j2, line 3" in ready["message"]
    assert ready["lastTransitionTime"] == "2026-03-02T12:00:00Z"
    assert status["conditions"][1]["lastTransitionTime"] == "2026-03-01T12:00:00Z", "that one has not changed"


def test_a_spec_that_this_operator_cannot_read_is_told() -> None:
    found = environment.read({**BODY, "spec": {"tier": "moon"}})
    assert isinstance(found, str)
    assert conditions(told(BODY, found))["Ready"] == ("False", "InvalidSpec")
    assert environment.read(BODY) == DeliveryEnvironmentSpec()

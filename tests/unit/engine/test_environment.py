"""The status of a DeliveryEnvironment."""

from datetime import UTC, datetime, timedelta
from typing import Any

from delivery_operator.api.environment import DeliveryEnvironmentSpec, DeliveryEnvironmentStatus
from delivery_operator.engine import environment
from delivery_operator.engine.environment import Templates
from delivery_operator.engine.plan import Plan, SetStatus
from delivery_operator.engine.waves import Fleet
from tests.unit.support import builders, fleet

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BODY = {"kind": "DeliveryEnvironment", "metadata": {"name": "production", "generation": 3}, "spec": {}}


def told(body: dict[str, Any], templates: Templates | str, now: datetime = NOW) -> dict[str, Any]:
    (write,) = environment.decide(body, templates, None, now).writes
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
    assert environment.decide(body, Templates(builders.BUNDLE), None, NOW + timedelta(hours=1)) == Plan()


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


WAVES = DeliveryEnvironmentSpec.model_validate({"upgrade": {"mode": "waves"}})
BEHIND = Fleet(WAVES, [fleet.member("a", fleet.release("old")), fleet.member("b", fleet.release("old"))])


def test_waves_are_told_beside_the_templates_and_their_services_named() -> None:
    plan = environment.decide(BODY, Templates(builders.BUNDLE), BEHIND, NOW)
    (write,) = plan.writes
    assert isinstance(write, SetStatus)
    assert conditions(write.status)["TemplatesCurrent"] == ("False", "InProgress")
    assert write.status["upgrade"]["templates"] == builders.BUNDLE.digest
    assert environment.named(plan) == [("shop", "a")]
    DeliveryEnvironmentStatus.model_validate(write.status)
    again = environment.decide({**BODY, "status": write.status}, Templates(builders.BUNDLE), BEHIND, NOW)
    assert again == Plan()
    assert environment.named(again) == []


def test_a_window_is_looked_at_again_when_it_opens() -> None:
    window = {"startTime": "13:00", "endTime": "14:00"}
    spec = DeliveryEnvironmentSpec.model_validate({"upgrade": {"mode": "waves"}, "maintenanceWindow": window})
    plan = environment.decide(BODY, Templates(builders.BUNDLE), Fleet(spec, BEHIND.members), NOW)
    assert plan.look_again_after == timedelta(hours=1).total_seconds()


def test_without_whole_templates_nobody_is_named() -> None:
    plan = environment.decide(BODY, Templates(builders.BUNDLE, "template job.yaml.j2: broken"), BEHIND, NOW)
    (write,) = plan.writes
    assert isinstance(write, SetStatus)
    assert conditions(write.status)["TemplatesCurrent"] == ("Unknown", "TemplateInvalid")
    assert "upgrade" not in write.status


def test_where_not_all_services_are_seen_nothing_is_said_of_them() -> None:
    assert "TemplatesCurrent" not in conditions(told(BODY, Templates(builders.BUNDLE)))

"""What is told of drift that stands: whole, in a bounded number of words, and the same while it stands."""

import pytest

from delivery_operator.engine import insync
from delivery_operator.engine.drift import Change, Drift, Left

AT, NOW = "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"
REPLICAS = Change("spec.replicas", "kubectl-edit", AT)
WEB = Left(Drift(("Deployment", "order-web"), (REPLICAS,)))
FOUGHT = Left(Drift(("Service", "order-service"), (Change("spec.selector"),)), contested=True)


@pytest.mark.parametrize(
    ("left", "reason", "parts"),
    [
        ([WEB], "Drifted", ["Deployment order-web: spec.replicas was changed by kubectl-edit; that is left as it is"]),
        ([FOUGHT], "Contested", ["Service order-service: spec.selector was changed by an unknown field manager; that"]),
        (
            [WEB, FOUGHT],
            "Contested",
            [
                "Service order-service: ",
                "ever more rarely",
                ". Deployment order-web: ",
                "spec.drift of environment prod",
            ],
        ),
        ([Left(Drift(("Service", "a")), contested=True)], "Contested", ["Service a was deleted; "]),
        ([Left(Drift(("Service", each), (REPLICAS,))) for each in "abcd"], "Drifted", ["; and more; that is left"]),
    ],
)
def test_the_condition_names_the_object_the_field_and_the_manager(
    left: list[Left], reason: str, parts: list[str]
) -> None:
    status, said, message = insync.claim(left, "prod")
    assert (status, said) == ("False", reason)
    for part in parts:
        assert part in message


def test_fields_of_one_manager_are_named_together() -> None:
    changes = [REPLICAS, Change("spec.paused", "kubectl-edit"), Change("spec.selector", "helm")]
    expected = "spec.replicas, spec.paused was changed by kubectl-edit, spec.selector was changed by helm"
    assert insync.sentence(changes) == expected


def test_an_entry_has_the_time_of_the_change_and_keeps_it() -> None:
    """A manager that writes again each second would change the status each second."""
    (first,) = insync.entries([WEB], {}, NOW)
    assert first == {
        "kind": "Deployment",
        "name": "order-web",
        "field": "spec.replicas",
        "manager": "kubectl-edit",
        "since": AT,
    }
    later = Left(Drift(WEB.drift.key, (Change("spec.replicas", "kubectl-edit", NOW),)))
    assert insync.entries([later], {"drift": [first]}, NOW) == [first]
    other = Left(Drift(WEB.drift.key, (Change("spec.replicas", "helm", NOW),)))
    assert insync.entries([other], {"drift": [first]}, NOW)[0]["since"] == NOW


def test_what_is_not_known_is_left_out() -> None:
    gone = Left(Drift(("Service", "order")), contested=True)
    assert insync.entries([gone], {}, NOW) == [{"kind": "Service", "name": "order", "since": NOW}]
    assert insync.entries([FOUGHT], {}, NOW)[0].get("manager") is None


def test_the_list_is_bounded() -> None:
    many = [Left(Drift(("Service", str(each)), (REPLICAS,))) for each in range(40)]
    assert len(insync.entries(many, {}, NOW)) == 16

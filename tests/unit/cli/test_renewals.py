"""What new templates would change: a release rendered anew, against itself."""

from typing import Any

from delivery_operator.cli.renewals import as_cut, compared


def deployment(limit: int, **spec: Any) -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"name": "order-web"}, "spec": {"revisionHistoryLimit": limit, **spec}}


def test_what_the_services_spec_decides_at_once_is_no_difference() -> None:
    before = deployment(2, replicas=2, progressDeadlineSeconds=600)
    after = deployment(2, replicas=5, progressDeadlineSeconds=30)
    assert compared([before], [after], frozenset()) == []
    (found,) = compared([before], [deployment(3)], frozenset())
    assert [(each.path, each.before, each.after) for each in found.fields] == [("spec.revisionHistoryLimit", 2, 3)]


def test_children_that_come_and_go_are_told_and_kinds_can_be_left_out() -> None:
    service = {"kind": "Service", "metadata": {"name": "order-service"}, "spec": {}}
    job = {"kind": "Job", "metadata": {"name": "migrate"}, "spec": {}}
    found = compared([deployment(2), job], [service], frozenset({"Job"}))
    assert [(each.kind, each.change) for each in found] == [("Deployment", "removed"), ("Service", "added")]


def test_a_release_is_rendered_with_what_scaled_it_when_it_was_cut() -> None:
    content: dict[str, Any] = {
        "image": "order:v1.0.0",
        "processes": {"web": {"command": ["web"]}, "relay": {"command": ["relay"]}},
    }
    scaling = {"web": {"scaling": {"max": 5}, "queueMeasured": True}, "relay": {"replicas": 2}}
    found = as_cut({"content": content, "scaling": scaling})
    assert found["processes"] == {
        "web": {"command": ["web"], "scaling": {"max": 5}},
        "relay": {"command": ["relay"], "replicas": 2},
    }
    assert content["processes"]["web"] == {"command": ["web"]}, "the release itself is left as it is"
    assert as_cut({"content": content}) == content

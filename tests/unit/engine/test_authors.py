"""Who changed a service, as its managedFields tell (https://kubernetes.io/docs/reference/using-api/server-side-apply/)."""

from typing import Any

import pytest

from delivery_operator.engine import authors
from delivery_operator.engine.changes import Changes, Path

BEFORE, SINCE, AFTER, LATER = (f"2026-03-01T12:00:0{second}Z" for second in range(4))
IMAGE: Path = ("spec", "image")
COMMAND: Path = ("spec", "processes", "web", "command")
VERSION: Path = ("spec", "backingServices", "[db]", "version")


def entry(manager: str, time: str, spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    fields = {"f:spec": spec}
    return {"manager": manager, "operation": "Apply", "time": time, "fieldsV1": fields, **more}


FLUX = entry(
    "flux",
    AFTER,
    {
        "f:image": {},
        "f:processes": {"f:web": {"f:command": {}}},
        "f:backingServices": {'k:{"name":"db"}': {".": {}, "f:version": {}}},
    },
)


def named(fields: tuple[Path, ...], *entries: dict[str, Any], since: str | None = SINCE) -> dict[str, list[str]]:
    """Manager to its fields."""
    service = {"metadata": {"managedFields": list(entries)}}
    release = authors.signed({"spec": {"number": 2}}, Changes(fields, since=since), service)
    return {each["manager"]: each["fields"] for each in release["spec"].get("changedBy", ())}


def test_a_release_keeps_who_when_and_how() -> None:
    service = {"metadata": {"managedFields": [FLUX]}}
    release = authors.signed(
        {"kind": "DeliveryRelease", "spec": {"number": 2}}, Changes((IMAGE,), since=SINCE), service
    )
    assert release == {
        "kind": "DeliveryRelease",
        "spec": {
            "number": 2,
            "changedBy": [{"manager": "flux", "operation": "Apply", "time": AFTER, "fields": ["spec.image"]}],
        },
    }


def test_every_kind_of_path_is_found() -> None:
    other = entry("kubectl", AFTER, {"f:environment": {}})
    assert named((IMAGE, COMMAND, VERSION), other, FLUX) == {
        "flux": ["spec.image", "spec.processes.web.command", "spec.backingServices[db].version"]
    }


def test_who_owns_what_is_below_has_written_what_is_above() -> None:
    other = entry("kubectl", AFTER, {"f:image": {}})
    assert named((("spec", "processes", "web"),), other, FLUX) == {"flux": ["spec.processes.web"]}


def test_managers_are_named_with_their_own_fields() -> None:
    kubectl = entry("kubectl", LATER, {"f:processes": {"f:web": {"f:command": {}}}})
    assert named((IMAGE, COMMAND), FLUX, kubectl) == {
        "flux": ["spec.image"],
        "kubectl": ["spec.processes.web.command"],
    }, "of two who own a field, the one who wrote last"


def test_who_has_not_written_since_the_release_before_is_not_named() -> None:
    old = entry("old", BEFORE, {"f:image": {}})
    assert named((IMAGE,), old) == {}
    assert named((IMAGE,), old, since=None) == {"old": ["spec.image"]}
    assert named((IMAGE,), entry("at", SINCE, {"f:image": {}})) == {"at": ["spec.image"]}


def test_a_removed_field_is_that_of_the_only_one_who_has_written() -> None:
    removed: Path = ("spec", "processes", "relay")
    old = entry("old", BEFORE, {"f:image": {}})
    assert named((removed,), old, FLUX) == {"flux": ["spec.processes.relay"]}
    assert named((removed,), FLUX, entry("kubectl", AFTER, {"f:image": {}})) == {}, "either may have done it"


@pytest.mark.parametrize("below", [{}, {'k:{"name":"cache"}': {}}])
def test_a_list_is_owned_whole_or_by_items(below: dict[str, Any]) -> None:
    owner = entry("kubectl", AFTER, {"f:backingServices": below, "f:image": {}})
    other = entry("flux", AFTER, {"f:image": {}})
    assert named((VERSION,), owner, other) == ({} if below else {"kubectl": ["spec.backingServices[db].version"]})


def test_status_and_entries_without_fields_count_for_nothing() -> None:
    status = entry("delivery-operator", AFTER, {"f:image": {}}, subresource="status")
    assert named((IMAGE,), status, {"manager": "x", "operation": "Update", "time": AFTER}) == {}


def test_an_entry_without_a_time_is_one_of_the_first_release_alone() -> None:
    timeless = {name: value for name, value in FLUX.items() if name != "time"}
    assert named((IMAGE,), timeless) == {}
    assert named((IMAGE,), timeless, since=None) == {"flux": ["spec.image"]}


def test_an_object_that_tells_nothing_is_taken_as_it_is() -> None:
    release = {"spec": {"number": 1}}
    assert authors.signed(release, Changes((IMAGE,)), {"metadata": {}}) is release

"""Who wrote a field: the API server's managedFields, as the store keeps them."""

import json
from typing import Any

import pytest

from delivery_operator.engine.compare import differences
from delivery_operator.engine.managers import writer, written_by_us

CONTAINER = {"name": "main", "image": "a:1", "ports": [{"containerPort": 80}]}
WANTED = {"kind": "Deployment", "spec": {"replicas": 2, "template": {"containers": [CONTAINER]}}}


def managed(*entries: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    told = [{"manager": name, "time": at, "fieldsV1": json.dumps(fields)} for name, at, fields in entries]
    return {"metadata": {"managedFields": told}}


def container(fields: dict[str, Any], name: str = "main") -> dict[str, Any]:
    return {"f:spec": {"f:template": {"f:containers": {f'k:{{"name":"{name}"}}': {".": {}, **fields}}}}}


@pytest.mark.parametrize(
    ("live", "fields", "known"),
    [
        pytest.param({"replicas": 9}, {"f:spec": {"f:replicas": {}}}, True, id="a field"),
        pytest.param({"replicas": 9}, {"f:spec": {"f:paused": {}}}, False, id="another field"),
        pytest.param({"replicas": 9}, {"f:metadata": {"f:labels": {}}}, False, id="another part"),
        pytest.param({"replicas": 9}, {"f:spec": {}}, True, id="a value that is owned whole"),
        pytest.param({"containers": [{**CONTAINER, "image": "b"}]}, container({"f:image": {}}), True, id="in a list"),
        pytest.param(
            {"containers": [{**CONTAINER, "image": "b"}]}, container({"f:image": {}}, "sidecar"), False, id="of another"
        ),
        pytest.param(
            {"containers": [{**CONTAINER, "image": "b"}]},
            {
                "f:spec": {
                    "f:template": {
                        "f:containers": {
                            ".": {},
                            'k:{"name":"proxy"}': {"f:image": {}},
                            'k:{"name":"main"}': {"f:image": {}},
                        }
                    }
                }
            },
            True,
            id="one item of several",
        ),
        pytest.param({"containers": []}, container({"f:image": {}}, "sidecar"), False, id="an item that was removed"),
        pytest.param(
            {"containers": [{**CONTAINER, "ports": [{"containerPort": 80, "hostPort": 80}, {"containerPort": 81}]}]},
            container({"f:ports": {'k:{"containerPort":81,"protocol":"TCP"}': {}}}),
            None,
            id="an item more is no difference",
        ),
        pytest.param(
            {"containers": [{**CONTAINER, "ports": [{"containerPort": 81}]}]},
            container({"f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {"f:hostPort": {}}}}),
            True,
            id="a key that the API server adds",
        ),
    ],
)
def test_a_field_is_looked_for_in_the_tree(live: dict[str, Any], fields: dict[str, Any], *, known: bool | None) -> None:
    template = {"containers": live.get("containers", [CONTAINER])}
    spec = {"replicas": live.get("replicas", 2), "template": template}
    body = {**managed(("kubectl-edit", "2026-03-01T12:00:00Z", fields)), "kind": "Deployment", "spec": spec}
    found = [writer(body, path) for path in differences(WANTED, body)]
    expected = {True: [("kubectl-edit", "2026-03-01T12:00:00Z")], False: [("", "")], None: []}
    assert found == expected[known]


def test_of_two_managers_the_later_one_counts() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
    body = managed(("a", "2026-03-01T12:00:00Z", fields), ("b", "2026-03-01T12:00:01Z", fields), ("c", "", fields))
    assert writer(body, ("spec", "replicas")) == ("b", "2026-03-01T12:00:01Z")


def test_an_object_may_tell_nothing() -> None:
    assert writer({"metadata": {}}, ("spec",)) == ("", "")
    assert not written_by_us({"metadata": {}})


def test_what_we_wrote_is_known_by_our_name() -> None:
    assert written_by_us(managed(("kubectl", "", {}), ("delivery-operator", "", {})))
    assert not written_by_us(managed(("kubectl", "", {})))

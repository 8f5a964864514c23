"""Metadata as the API server decodes and validates it."""

from typing import Any

import pytest

from delivery_operator.admission.metadata import generated_name, metadata_problems
from delivery_operator.admission.problem import Kind

OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of"


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "order"},
        {"name": "a" * 253},
        {"name": "1.a-b", "namespace": "shop"},
        {"generateName": "order-"},
        {"name": "a", "labels": {"example.com/A_b.c": "", "x": None}, "annotations": {"UPPER.case/Key": "any\ntext"}},
        {"name": "a", "creationTimestamp": None, "deletionTimestamp": "2026-01-01T00:00:00Z", "generation": 3},
        {"name": "a", "ownerReferences": [{**OWNER, "controller": True}, OWNER], "finalizers": ["orphan", "a.b/c"]},
        {"name": "a", "managedFields": [{"manager": "m", "operation": "Apply", "fieldsV1": {"f:spec": {}}}]},
        {"name": "a", "ownerReferences": [{**OWNER, "controller": True}] * 2},
        {"name": "a", "labels": None, "annotations": None, "finalizers": None},
    ],
)
def test_good_metadata(metadata: dict[str, Any]) -> None:
    assert metadata_problems(metadata, namespaced=True) == []


@pytest.mark.parametrize(
    ("metadata", "field", "message"),
    [
        (None, "metadata.name", "Required value: name or generateName is required"),
        ({"name": ""}, "metadata.name", "Required value: name or generateName is required"),
        ({"name": "Order"}, "metadata.name", f'Invalid value: "Order": {SUBDOMAIN}'),
        ({"name": "order\n"}, "metadata.name", f'Invalid value: "order\\n": {SUBDOMAIN}'),
        ({"name": "a" * 254}, "metadata.name", "must be no more than 253 characters"),
        ({"name": "a", "namespace": "a.b"}, "metadata.namespace", 'Invalid value: "a.b": must not contain dots'),
        ({"name": "a", "namespace": "A"}, "metadata.namespace", "a lowercase RFC 1123 label must consist of"),
        ({"name": "a", "namespace": "a" * 64}, "metadata.namespace", "must be no more than 63 characters"),
        ({"name": "a", "labels": {"-a": ""}}, "metadata.labels", 'Invalid value: "-a": name part must consist of'),
        ({"name": "a", "labels": {"a/b/c": ""}}, "metadata.labels", "a valid label key must consist of"),
        ({"name": "a", "labels": {"/b": ""}}, "metadata.labels", "prefix part must be non-empty"),
        ({"name": "a", "labels": {"A/b": ""}}, "metadata.labels", f"prefix part {SUBDOMAIN}"),
        ({"name": "a", "labels": {"b" * 64: ""}}, "metadata.labels", "name part must be no more than 63 bytes"),
        ({"name": "a", "labels": {"b": "c-"}}, "metadata.labels", "a valid label must be an empty string or consist"),
        ({"name": "a", "labels": {"b": "c" * 64}}, "metadata.labels", "must be no more than 63 bytes"),
        ({"name": "a", "labels": {"b": 1}}, "metadata.labels.b", "metadata.labels.b must be of type string"),
        ({"name": "a", "annotations": {"b c": ""}}, "metadata.annotations", "name part must consist of"),
        ({"name": "a", "annotations": {"b": "x" * 2**18}}, "metadata.annotations", "may not be more than 262144 bytes"),
        ({"name": "a", "annotations": []}, "metadata.annotations", "must be of type object"),
        ({"name": "a", "finalizers": ["a b"]}, "metadata.finalizers", "name part must consist of"),
        ({"name": "a", "finalizers": ["orphan", "foregroundDeletion"]}, "metadata.finalizers", "cannot be both set"),
        ({"name": "a", "finalizers": "x"}, "metadata.finalizers", "must be of type array"),
        ({"name": "a", "ownerReferences": [{**OWNER, "uid": ""}]}, "metadata.ownerReferences[0].uid", "must not be"),
        (
            {"name": "a", "ownerReferences": [{**OWNER, "apiVersion": "a/b/c"}]},
            "metadata.ownerReferences[0].apiVersion",
            "version must not be empty",
        ),
        (
            {"name": "a", "ownerReferences": [{**OWNER, "kind": "Event"}]},
            "metadata.ownerReferences[0]",
            "disallowed from being an owner",
        ),
        (
            {
                "name": "a",
                "ownerReferences": [{**OWNER, "controller": True}, {**OWNER, "controller": True, "uid": "v"}],
            },
            "metadata.ownerReferences",
            "Only one reference can have Controller set to true",
        ),
        ({"name": 1}, "metadata.name", "metadata.name must be of type string"),
        ({"name": "a", "generation": 1.5}, "metadata.generation", "metadata.generation must be of type int64"),
        ({"name": "a", "creationTimestamp": "now"}, "metadata.creationTimestamp", "must be of type time"),
        ("order", "metadata", "metadata must be of type object"),
        ({"name": "a", "colour": "x"}, "metadata.colour", 'unknown field "metadata.colour"'),
    ],
)
def test_bad_metadata(metadata: Any, field: str, message: str) -> None:
    (found,) = metadata_problems(metadata, namespaced=True)
    assert found.field == field
    assert message in found.message


def test_a_bad_prefix_makes_a_bad_name() -> None:
    fields = [each.field for each in metadata_problems({"generateName": "Order-"}, namespaced=True)]
    assert fields == ["metadata.generateName", "metadata.name"]


def test_what_cannot_be_decoded_is_not_looked_at_further() -> None:
    found = metadata_problems({"name": "Order", "labels": {"a": True}}, namespaced=True)
    assert [each.kind for each in found] == [Kind.TYPE_INVALID]


def test_a_namespace_is_left_out_where_the_kind_has_none() -> None:
    assert metadata_problems({"name": "a", "namespace": "A"}, namespaced=False) == []


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"name": "order", "generateName": "x-"}, "order"),
        ({"generateName": "order-"}, "order-xxxxx"),
        ({"generateName": "a" * 70}, "a" * 58 + "xxxxx"),
        ({}, ""),
    ],
)
def test_a_generated_name_is_as_long_as_the_servers(metadata: dict[str, Any], name: str) -> None:
    assert generated_name(metadata) == name

"""Files of objects: several documents, lists, folders, standard input; and what is wrong with one is told by place."""

from pathlib import Path

import pytest

from delivery_operator.api.environment import Tier
from delivery_operator.cli import documents
from delivery_operator.cli.exits import BadInput

SERVICE = """\
apiVersion: delivery.dev/v1alpha1
kind: DeliveryService
metadata: {name: order}
spec: {image: 'order:v1', processes: {web: {command: [order]}}}
"""
ENVIRONMENT = """\
apiVersion: delivery.dev/v1alpha1
kind: DeliveryEnvironment
metadata: {name: production}
spec: {tier: production}
"""
OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\n"


def written(folder: Path, text: str, name: str = "f.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_documents_lists_and_empty_ones_are_read_in_order(tmp_path: Path) -> None:
    items = "kind: List\nitems:\n- {kind: A, metadata: {name: a}}\n- {kind: B}\n"
    file = written(tmp_path, f"{OTHER}---\n---\n{items}")
    assert [str(each) for each in documents.read([file])] == [
        f"{file}: document 1 (ConfigMap s)",
        f"{file}: document 3 (A a)",
        f"{file}: document 3",
    ]


def test_a_folder_is_its_yaml_and_json_files_in_order(tmp_path: Path) -> None:
    written(tmp_path, '{"kind": "B"}', "b.json")
    written(tmp_path, "kind: A", "a.yml")
    written(tmp_path, "not read", "README.md")
    assert [each.kind for each in documents.read([str(tmp_path)])] == ["A", "B"]


def test_services_of_a_file_are_found_among_others(tmp_path: Path) -> None:
    file = written(tmp_path, f"{OTHER}---\n{SERVICE}")
    [service] = documents.services([file], None)
    assert (service.name, service.namespace, service.spec.image) == ("order", "default", "order:v1")
    assert documents.services([file], "shop")[0].namespace == "shop"


def test_environments_by_name(tmp_path: Path) -> None:
    known = documents.environments([written(tmp_path, f"{ENVIRONMENT}---\n{SERVICE}")])
    assert {name: spec.tier for name, spec in known.items()} == {"production": Tier.PRODUCTION}
    assert documents.environments([]) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML"),
        ("- a\n", "document 1 is not an object"),
        (OTHER, "there is no DeliveryService"),
        (SERVICE.replace("{name: order}", "{}"), "metadata.name is missing"),
        (SERVICE.replace("order:v1", "order:v1', replicas: '2"), "spec.replicas: Extra inputs are not permitted"),
        (SERVICE.replace("name: order", "name: order, namespace: other"), "its namespace is other, not shop"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message) as raised:
        documents.services([written(tmp_path, text)], "shop")
    assert raised.value.remedy


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot read .*: No such file"):
        documents.read([str(tmp_path / "nothing.yaml")])
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(BadInput, match="it is not UTF-8 text"):
        documents.read([str(tmp_path / "latin.yaml")])


def test_environments_that_are_not_there_or_not_valid_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no DeliveryEnvironment"):
        documents.environments([written(tmp_path, SERVICE)])
    with pytest.raises(BadInput, match=r"spec\.tier"):
        documents.environments([written(tmp_path, ENVIRONMENT.replace("tier: production", "tier: high"))])
    service = documents.services([written(tmp_path, SERVICE.replace("spec: {", "spec: {environment: qa, "))], None)[0]
    with pytest.raises(BadInput, match="environment qa is not known; give it"):
        documents.environment_of(service, {}, "give it")


def test_what_is_written_without_quotes_is_what_kubectl_makes_of_it(tmp_path: Path) -> None:
    words = ["date: 2024-05-01", "no-date: 2024-02-30", "time: 22:00", "early: 09:00"]
    words += [
        "n: 12",
        "hex: 0x10",
        "half: .5",
        "large: 1e3",
        "so: yes",
        "commit: 12e4567",
        "odd: 0x_",
        "tag: !!float a",
        'none: !!int ""',
        'no-float: !!float ""',
    ]
    (document,) = documents.read([written(tmp_path, "\n".join(words))])
    assert document.body == {
        "date": "2024-05-01",
        "no-date": "2024-02-30",
        "time": "22:00",
        "early": "09:00",
        "n": 12,
        "hex": 16,
        "half": 0.5,
        "large": 1000.0,
        "so": True,
        "commit": "12e4567",
        "odd": "0x_",
        "tag": "a",
        "none": "",
        "no-float": "",
    }


@pytest.mark.parametrize("value", ["!!timestamp 2024-05-01", "!!binary aGVsbG8=", "!!set {a, b}", "-.inf", ".NaN"])
def test_what_json_does_not_have_is_told_by_its_place(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadInput, match="is not YAML: JSON has no"):
        documents.read([written(tmp_path, f"a: {value}\n")])


def test_a_namespace_that_was_asked_for_is_held_to_and_another_is_only_for_want_of_one(tmp_path: Path) -> None:
    own = written(tmp_path, SERVICE.replace("name: order", "name: order, namespace: shop"))
    none = written(tmp_path, SERVICE, "none.yaml")
    assert [each.namespace for each in documents.services([own, none], None, "team")] == ["shop", "team"]
    assert [each.namespace for each in documents.services([own, none], "shop", "team")] == ["shop", "shop"]
    with pytest.raises(BadInput, match="its namespace is shop, not other; leave out -n"):
        documents.services([own], "other", "team")

"""The CRDs are the models, said in the API server's words (OP-4)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import Field, ValidationError

from delivery_operator.api import generate
from delivery_operator.api.base import Model, rules
from delivery_operator.api.crd import DEFINITIONS, Definition, crd, structural
from delivery_operator.api.release import DeliveryReleaseSpec
from delivery_operator.api.service import DeliveryServiceSpec
from tests.unit.support import builders
from tests.unit.support.services import SERVICES

ROOT = Path(__file__).parents[3]
KINDS = [pytest.param(each, id=each.kind) for each in DEFINITIONS]
Schema = dict[str, Any]


def schema(definition: Definition) -> Schema:
    (version,) = crd(definition)["spec"]["versions"]
    found: Schema = version["schema"]["openAPIV3Schema"]
    return found


def nodes(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema inside a schema, by path."""
    yield path, node
    for name, each in node.get("properties", {}).items():
        yield from nodes(each, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(node.get(inner), dict):
            yield from nodes(node[inner], f"{path}[]")


@pytest.mark.parametrize("path", generate.outputs(), ids=str)
def test_the_generated_files_are_in_step_with_the_models(path: Path) -> None:
    assert (ROOT / path).read_text() == generate.outputs()[path], "run `make generate`"


@pytest.mark.parametrize("definition", KINDS)
def test_every_field_is_described(definition: Definition) -> None:
    """`kubectl explain` shows it."""
    described = {"", ".apiVersion", ".kind", ".metadata"}
    undescribed = [
        path
        for path, node in nodes(schema(definition))
        if path not in described and not path.endswith("[]") and len(node.get("description", "")) < 9
    ]
    assert undescribed == []


@pytest.mark.parametrize("definition", KINDS)
def test_the_api_server_adds_nothing_to_a_status(definition: Definition) -> None:
    """A default would be in what is read and not in what is written: the status would be written without end."""
    defaults = {path for path, node in nodes(schema(definition)) if path.startswith(".status.") and "default" in node}
    assert defaults <= {".status.phase"}, "which every status has"


@pytest.mark.parametrize("definition", KINDS)
def test_every_rule_says_where_it_applies_and_what_to_write(definition: Definition) -> None:
    """A message that only says no leaves its reader alone."""
    remedies = (
        "write ",
        "use ",
        "put ",
        "keep ",
        "give ",
        "raise ",
        "remove ",
        "must ",
        "change ",
        "have ",
        "has at most ",
        "applies ",
        "add ",
    )
    for path, node in nodes(schema(definition)):
        for rule in node.get("x-kubernetes-validations", ()):
            assert rule["rule"].strip()
            message = rule["message"]
            assert any(remedy in message for remedy in remedies), f"{path}: {message}"
            assert "\n" not in message


@pytest.mark.parametrize("definition", KINDS)
def test_the_schema_is_structural(definition: Definition) -> None:
    """https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/."""
    forbidden = {"$ref", "$defs", "anyOf", "title", "const", "propertyNames", "patternProperties", "uniqueItems"}
    for path, node in nodes(schema(definition)):
        assert "type" in node, path
        assert not forbidden & set(node), path
        assert not ("properties" in node and "additionalProperties" in node), path
        assert node.get("default", ...) is not None, path


@pytest.mark.parametrize("definition", KINDS)
def test_every_collection_and_text_that_people_write_is_bounded(definition: Definition) -> None:
    """Unbounded ones make a CEL rule too costly, and an object too large for etcd."""
    if definition.kind == "DeliveryRelease":  # the operator writes it, out of bounded parts
        return
    for path, node in nodes(schema(definition)["properties"]["spec"]):
        if node["type"] == "array":
            assert "maxItems" in node, path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path
        if node["type"] == "string":
            assert "maxLength" in node or "enum" in node, path


@pytest.mark.parametrize("definition", KINDS)
def test_a_crd_has_what_kubectl_shows(definition: Definition) -> None:
    (version,) = crd(definition)["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    columns = [each["name"] for each in version["additionalPrinterColumns"]]
    assert columns[-1] == "Age"
    assert len(columns) == len(set(columns))


def test_a_release_cannot_be_edited() -> None:
    """Invariant 5."""
    (release,) = [each for each in DEFINITIONS if each.kind == "DeliveryRelease"]
    (rule,) = schema(release)["properties"]["spec"]["x-kubernetes-validations"]
    assert rule["rule"] == "self == oldSelf"


@pytest.mark.parametrize("name", SERVICES)
def test_the_models_take_what_the_crd_describes(name: str) -> None:
    parsed = DeliveryServiceSpec.model_validate(SERVICES[name])
    again = DeliveryServiceSpec.model_validate(parsed.model_dump(mode="json", by_alias=True))
    assert again == parsed


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"repilcas": 3}, ("repilcas",)),
        ({"processes": {"web": {"command": ["x"], "prot": {}}}}, ("processes", "web", "prot")),
        ({"config": {"A": {"vlaue": "1"}}}, ("config", "A", "vlaue")),
        ({"release": {"migrate": {"command": ["x"], "timeout": 1}}}, ("release", "migrate", "timeout")),
    ],
)
def test_unknown_fields_are_refused_by_name(change: dict[str, Any], where: tuple[str, ...]) -> None:
    """A misspelt field that is silently dropped is found out in production."""
    with pytest.raises(ValidationError) as caught:
        DeliveryServiceSpec.model_validate(builders.spec(**change))
    assert [error["loc"] for error in caught.value.errors()] == [where]


def test_models_are_frozen() -> None:
    parsed = builders.parsed(builders.spec())
    with pytest.raises(ValidationError, match="frozen"):
        parsed.image = "other:1"  # type: ignore[misc] # that is what is tested
    assert DeliveryReleaseSpec.model_config["frozen"]


class Inner(Model):
    """Said by the type."""

    count: int = Field(default=1, description="A number.")


class Outer(Model):
    """All that a model may hold."""

    title: str = Field(description="A field called title is kept.")
    inner: Inner = Field(description="Said by the field.")
    plain: Inner
    maybe: Inner | None = Field(default=None, description="Null is absence.")
    by_name: dict[str, Annotated[str, Field(max_length=3)]] = Field(default={}, min_length=1, max_length=5)
    listed: list[Inner] = Field(default=[])
    open: dict[str, Any] = Field(default={}, json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})
    ruled: str = Field(default="a", json_schema_extra=rules(("self != ''", "write something")))


def test_structural_says_the_same_in_fewer_words() -> None:
    converted = structural(Outer)
    fields = converted["properties"]
    assert converted["required"] == ["title", "inner", "plain"]
    assert fields["title"] == {"type": "string", "description": "A field called title is kept."}
    count = {"count": {"type": "integer", "format": "int32", "default": 1, "description": "A number."}}
    assert fields["inner"] == {"type": "object", "description": "Said by the field.", "properties": count}
    assert fields["plain"]["description"] == "Said by the type."
    assert fields["maybe"] == {"type": "object", "description": "Null is absence.", "properties": count}
    assert fields["byName"] == {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 5,
        "additionalProperties": {"type": "string", "maxLength": 3},
    }
    assert fields["listed"]["items"]["properties"] == count
    assert fields["open"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert fields["ruled"]["x-kubernetes-validations"] == [{"rule": "self != ''", "message": "write something"}]


class Union(Model):
    """What a structural schema cannot say."""

    either: int | str


def test_a_union_is_refused() -> None:
    with pytest.raises(TypeError, match="a union is not structural"):
        structural(Union)


def test_the_files_are_written_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["generate", "--root", str(tmp_path)]
    monkeypatch.setattr("sys.argv", [*arguments, "--check"])
    assert generate.main() == 1
    assert "run `make generate`" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("sys.argv", arguments)
    assert generate.main() == 0
    for path in generate.outputs():
        kinds = {each["kind"] for each in yaml.safe_load_all((tmp_path / path).read_text())}
        assert kinds <= {
            "CustomResourceDefinition",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
        }
    monkeypatch.setattr("sys.argv", [*arguments, "--check"])
    capsys.readouterr()
    assert generate.main() == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("definition", KINDS)
def test_patterns_name_their_characters(definition: Definition) -> None:
    r"""Go's \s, \w and \d are ASCII, pydantic's Unicode: the API server would take what the operator cannot read."""
    patterns = [node["pattern"] for _, node in nodes(schema(definition)) if "pattern" in node]
    assert [each for each in patterns if re.search(r"\\[swdSWDpP]", each)] == []

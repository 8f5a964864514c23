"""JSON schemas for kubeconform, as files: strict, of every kind that we render, made with no cluster and no network.

Those of Kubernetes come from the package kubernetes-validate, those of custom kinds from the files of their CRDs. The
API server could tell them all (/openapi/v3), but it is a judge itself (tests.support.dry_run), and a mistake in what it
tells would then be both judges' mistake.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from devcluster.binaries import Pins
from devcluster.console import Silent
from devcluster.crds import crd_files
from devcluster.home import Home

FILE_NAME: Final = "{{.ResourceKind}}{{.KindSuffix}}.json"  # as kubeconform looks for one: deployment-apps-v1.json
OWN_CRDS: Final = Path(__file__).parents[2] / "crds"
_METADATA: Final = {"$ref": "_definitions.json#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}

Schema = dict[str, Any]


def write_schemas(folder: Path) -> None:
    """Write all schemas into a folder, for the Kubernetes that the embedded cluster runs."""
    _write_kubernetes(folder)
    for file in [*OWN_CRDS.glob("*.yaml"), *crd_files(Home.default(), Silent())]:
        # The safe loader in C: a megabyte takes a tenth of a second instead of a whole one.
        for crd in yaml.load_all(file.read_text(), yaml.CSafeLoader):
            _write_custom(folder, crd["spec"])


def strict(schema: Schema) -> Schema:
    """A CRD's schema that refuses unknown fields, which the API server would drop or, asked to be strict, refuse.

    anyOf, allOf, oneOf and not are left as they are: in a structural schema they only add to the value's own rules.
    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
    """
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {name: strict(each) for name, each in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            result["additionalProperties"] = False
    elif isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = strict(schema["additionalProperties"])
    if "items" in schema:
        result["items"] = strict(schema["items"])
    if schema.get("nullable"):
        result["type"] = [schema["type"], "null"]
    return result


def _write_kubernetes(folder: Path) -> None:
    minor = Pins.read().kubernetes.rpartition(".")[0]
    source = files("kubernetes_validate") / "kubernetes-json-schema" / f"{minor}.0-local-strict"
    for each in source.iterdir():
        # They refer to their definitions by an address on the web; without it, by the file that lies beside them.
        text = each.read_text(encoding="utf-8").replace('"/api/_definitions.json#', '"_definitions.json#')
        schema = json.loads(text)
        schema.pop("$id", None)
        (folder / each.name).write_text(json.dumps(schema))


def _write_custom(folder: Path, spec: Schema) -> None:
    for version in spec["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        # What no CRD says, because it holds for every kind.
        schema["properties"]["metadata"] = _METADATA
        name = f"{spec['names']['singular']}-{spec['group'].partition('.')[0]}-{version['name']}.json"
        (folder / name).write_text(json.dumps(schema))

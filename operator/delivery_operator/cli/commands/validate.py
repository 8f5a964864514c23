"""`validate`: all that admission would say, without a cluster."""

import sys
from collections.abc import Sequence
from typing import Any

from delivery_operator.admission.policy import Policy
from delivery_operator.admission.problem import Problem
from delivery_operator.admission.validate import complete, validate
from delivery_operator.api.base import API_VERSION, GROUP
from delivery_operator.api.environment import KIND as ENVIRONMENT
from delivery_operator.api.policy import policy
from delivery_operator.api.service import DEFAULT_ENVIRONMENT
from delivery_operator.api.service import KIND as SERVICE
from delivery_operator.cli.documents import Document, read
from delivery_operator.cli.exits import BadInput, Exit
from delivery_operator.cli.options import EnvironmentFiles, Files, Output
from delivery_operator.cli.output import write

EXAMPLES = (
    "kubectl delivery validate service.yaml",
    "kubectl delivery validate deploy/ --environment-file environments.yaml",
    "kustomize build overlays/production | kubectl delivery validate -",
)


def command(files: Files, environment_files: EnvironmentFiles = None, output: Output = None) -> int:
    """Say of every object of delivery.dev in files all that the API server would refuse it for, without a cluster.

    One line for each problem; the exit code is 1 when there is one. The policy of a service's environment is checked
    where the environment is in the files, or is given by --environment-file. Objects of other APIs are passed over.
    """
    found = [each for each in read(files) if _ours(each)]
    if not found:
        raise BadInput(f"there is nothing of {GROUP} in {', '.join(files)}", f"write apiVersion: {API_VERSION}")
    environments = [each.body for each in (*found, *read(environment_files or ())) if each.kind == ENVIRONMENT]
    policies = _policies(environments)
    problems = [(document, problem) for document in found for problem in validate(document.body, policies)]
    if output:
        write([_entry(*each) for each in problems], output)
    else:
        sys.stdout.writelines(f"{document}: {problem}\n" for document, problem in problems)
    _tell_of_unknown(found, environments)
    return Exit.NO if problems else Exit.OK


def _ours(document: Document) -> bool:
    return str(document.body.get("apiVersion")).startswith(f"{GROUP}/")


def _policies(environments: Sequence[dict[str, Any]]) -> list[Policy]:
    definition, binding = policy()
    # One that is wrong itself is told of as such, and judges no service.
    return [Policy(definition, binding, [complete(each) for each in environments if not validate(each)])]


def _entry(document: Document, problem: Problem) -> dict[str, Any]:
    return {
        "file": document.file,
        "document": document.number,
        "kind": document.kind,
        "name": document.name,
        "problem": problem.kind.value,
        "field": problem.field,
        "message": problem.message,
    }


def _tell_of_unknown(documents: Sequence[Document], environments: Sequence[dict[str, Any]]) -> None:
    known = {(each.get("metadata") or {}).get("name") for each in environments}
    for document in documents:
        spec = document.body.get("spec")
        name = spec.get("environment") if document.kind == SERVICE and isinstance(spec, dict) else None
        if name and name != DEFAULT_ENVIRONMENT and name not in known:
            sys.stderr.write(f"note: {document}: environment {name} is not given, so its policy is not checked\n")

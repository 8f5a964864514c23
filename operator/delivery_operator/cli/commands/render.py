"""`render`: what the operator would make of a file."""

from typing import Annotated

import typer

from delivery_operator.cli import documents, rendered
from delivery_operator.cli.options import ApiVersions, EnvironmentFiles, FileNamespace, Files, Templates
from delivery_operator.cli.output import Format, write_documents

EXAMPLES = (
    "kubectl delivery render service.yaml",
    "kubectl delivery render service.yaml --environment-file production.yaml -n shop",
    "kubectl delivery render service.yaml --api-versions keda.sh/v1alpha1 -o json",
    "kubectl delivery init order --image registry.example.com/order:v1.0.0 | kubectl delivery render -",
)


def command(  # noqa: PLR0913 its options
    files: Files,
    *,
    namespace: FileNamespace = None,
    environment_files: EnvironmentFiles = None,
    api_versions: ApiVersions = None,
    templates: Templates = None,
    output: Annotated[Format, typer.Option("-o", "--output", help="Form of the output.")] = Format.YAML,
) -> None:
    """Print what the operator would make of the DeliveryServices in files, without a cluster.

    These are the objects of the next release, with what takes effect at once beside them: the number of pods,
    autoscalers and disruption budgets. Jobs are named as those of a first release. Owner, release number and the
    digest of each object are added by the operator when it applies them.
    """
    bundle = rendered.bundle(templates)
    known = documents.environments(environment_files or ())
    manifests = [
        manifest
        for service in documents.services(files, namespace)
        for manifest in rendered.children(service, bundle, rendered.platform(service, known, api_versions or ()))
    ]
    write_documents(manifests, output)

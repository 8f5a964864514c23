"""Renders the services of files as the operator does: offline, through the same renderer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.cli.documents import Service, environment_of
from delivery_operator.cli.exits import BadInput, Wrong
from delivery_operator.render import names
from delivery_operator.render.bundle import Bundle, load, read
from delivery_operator.render.errors import RenderError
from delivery_operator.render.manifests import Manifest, render, scaling
from delivery_operator.render.needs import unmet
from delivery_operator.render.platform import OPTIONAL, Platform

FIRST: Final = 1
"""Number of the release whose Job is shown: without a cluster there is none before it."""


def bundle(folder: Path | None) -> Bundle:
    """Load the operator's templates, with those of a folder in the place of those of the same name.

    Raises:
        BadInput: the folder has a template that replaces none.
    """
    try:
        return load().with_overrides(read(folder)) if folder else load()
    except RenderError as error:
        raise BadInput(str(error), "mend the folder given with --templates") from error


def platform(
    service: Service, environments: dict[str, DeliveryEnvironmentSpec], api_versions: Sequence[str]
) -> Platform:
    """Put together what a service's manifests depend on beside itself.

    Raises:
        BadInput: the service names an environment that is not there.
        Wrong: an API version is none of those that are optional.
    """
    unknown = sorted(set(api_versions) - set(OPTIONAL))
    if unknown:
        raise Wrong(f"--api-versions {unknown[0]} makes no difference", f"give one of {', '.join(OPTIONAL)}")
    environment = environment_of(service, environments, "give its file with --environment-file")
    return Platform(environment, frozenset(api_versions), provisional_bindings(service.spec))


def provisional_bindings(spec: DeliveryServiceSpec) -> dict[str, str]:
    """Let the name of a provisioned service stand for the Secret that its status would name."""
    return {each.name: each.provisioned_service.name for each in spec.backing_services if each.provisioned_service}


def children(service: Service, templates: Bundle, beside: Platform) -> list[Manifest]:
    """Render everything that a service would have in the cluster with its next release.

    Raises:
        BadInput: a template is wrong, or what the service asks for is not there in its environment.
    """
    for need in unmet(service.spec, beside):
        what, _, remedy = need.message.partition("; ")
        raise BadInput(f"{service.document}: {what}", remedy)
    what_to_render = (service.name, service.namespace, service.spec, templates, beside)
    try:
        manifests = [*render(*what_to_render), *scaling(*what_to_render)]
    except RenderError as error:
        raise BadInput(f"{service.document}: {error}", "mend that template") from error
    for manifest in manifests:
        if manifest["kind"] == "Job":
            role = manifest["metadata"]["labels"][names.ROLE]
            manifest["metadata"]["name"] = names.job(service.name, FIRST, role)
    return manifests

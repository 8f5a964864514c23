"""What an environment's new templates would change in its services: their releases, rendered anew, against themselves.

Both sides are renderings, so nothing is asked of the API server but to be read.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.service import DEFAULT_ENVIRONMENT, DeliveryServiceSpec
from delivery_operator.cli import rendered
from delivery_operator.cli.changes import changes
from delivery_operator.cli.exits import BadInput, CliError, Missing
from delivery_operator.cli.preview import Difference, bindings, served
from delivery_operator.cli.session import Cluster
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.resources import CONFIG_MAPS, ENVIRONMENTS, RELEASES, SERVICES
from delivery_operator.render.bundle import SUFFIX, Bundle, load
from delivery_operator.render.errors import RenderError
from delivery_operator.render.manifests import Manifest, render, scaling, unpack
from delivery_operator.render.platform import Platform

_AT_ONCE: Final = ("replicas", "progressDeadlineSeconds")
"""Fields of a Deployment that the service's spec decides from moment to moment."""
_SCALING: Final = frozenset({"HorizontalPodAutoscaler", "ScaledObject", "PodDisruptionBudget"})


@dataclass(frozen=True)
class Renewal:
    """A service that runs with other templates than its environment's of today.

    Attributes:
        service: namespace and name.
        differences: what they would change in its children; pods are replaced in any case.
        fault: why they cannot be rendered for it; empty when they can.
    """

    service: str
    differences: Sequence[Difference] = ()
    fault: str = ""


async def renewals(cluster: Cluster, name: str, folder: Path | None, operator_namespace: str) -> list[Renewal]:
    """Find the services of an environment that are behind, and what would change in each.

    Args:
        cluster: where.
        name: the environment's.
        folder: templates in the place of the environment's own, to see what they would change; None for its own.
        operator_namespace: where the ConfigMap with its templates is.

    Raises:
        Missing: there is no such environment.
        BadInput: its templates are not those that the operator has.
        ApiError: something could not be read.
    """
    body = await cluster.api.find(ENVIRONMENTS, None, name)
    if body is None and name != DEFAULT_ENVIRONMENT:
        raise Missing(
            f"there is no DeliveryEnvironment {name}", "kubectl get deliveryenvironments lists those there are"
        )
    environment = DeliveryEnvironmentSpec.model_validate(body["spec"] if body else {})
    bundle = rendered.bundle(folder) if folder else await _templates(cluster, environment, body, operator_namespace)
    kinds = await served(cluster)
    found = []
    for service in (await cluster.api.list(SERVICES, None)).items:
        release = await _behind(cluster, service, name, bundle)
        if release:
            found.append(await _renewal(cluster, service, release, bundle, Platform(environment, kinds)))
    return sorted(found, key=lambda each: each.service)


async def _templates(
    cluster: Cluster, environment: DeliveryEnvironmentSpec, body: Body | None, operator_namespace: str
) -> Bundle:
    """Load the templates that the operator has, by their digest in the environment's status."""
    source, bundle = environment.templates, load()
    if source and source.config_map:
        found = await cluster.api.find(CONFIG_MAPS, operator_namespace, source.config_map)
        if found is None:
            what = f"there is no ConfigMap {operator_namespace}/{source.config_map} with the environment's templates"
            raise Missing(what, "name the operator's namespace with --operator-namespace")
        try:
            bundle = bundle.with_overrides(
                {file.removesuffix(SUFFIX): text for file, text in (found.get("data") or {}).items()}
            )
        except RenderError as error:
            raise BadInput(str(error), "mend the ConfigMap") from error
    told = ((body or {}).get("status") or {}).get("templates")
    if body is not None and told != bundle.digest:
        what = "the operator has other templates than this kubectl-delivery can find"
        raise BadInput(what, "use the kubectl-delivery of its version, or give the folder with --templates")
    return bundle


async def _behind(cluster: Cluster, service: Body, environment: str, bundle: Bundle) -> Body | None:
    """Read the release that serves, if it was rendered with other templates."""
    serving = (service.get("status") or {}).get("activeRelease")
    if serving is None or service["spec"].get("environment", DEFAULT_ENVIRONMENT) != environment:
        return None
    release = await cluster.api.find(RELEASES, service["metadata"]["namespace"], serving)
    return release if release and release["spec"]["templates"] != bundle.digest else None


async def _renewal(cluster: Cluster, service: Body, release: Body, bundle: Bundle, platform: Platform) -> Renewal:
    metadata = service["metadata"]
    who = f"{metadata['namespace']}/{metadata['name']}"
    try:
        spec = DeliveryServiceSpec.model_validate(as_cut(release["spec"]))
        found = await bindings(cluster, metadata["namespace"], spec)
        whole = (
            metadata["name"],
            metadata["namespace"],
            spec,
            bundle,
            Platform(platform.environment, platform.served, found),
        )
        after = [*render(*whole), *scaling(*whole)]
    except (RenderError, CliError) as error:
        return Renewal(who, fault=str(error))
    except ValidationError:
        return Renewal(who, fault=f"release {release['metadata']['name']} was made by another version of the operator")
    before = unpack(release["spec"]["manifests"])
    kept = frozenset({"Job"}) if "scaling" in release["spec"] else _SCALING | {"Job"}
    return Renewal(who, compared(before, after, kept))


def as_cut(release: Mapping[str, Any]) -> dict[str, Any]:
    """Put together the spec that a release was cut from: its content, and how many pods there were to be."""
    content = deepcopy(dict(release["content"]))
    for name, asked in (release.get("scaling") or {}).items():
        content["processes"][name] |= {field: asked[field] for field in ("replicas", "scaling") if field in asked}
    return content


def compared(before: Sequence[Manifest], after: Sequence[Manifest], left_out: frozenset[str]) -> list[Difference]:
    """Compare two renderings of a release, but for kinds to be left out."""
    old, new = _by_name(before, left_out), _by_name(after, left_out)
    found = []
    for kind, name in sorted(old.keys() | new.keys()):
        was, is_now = old.get((kind, name)), new.get((kind, name))
        if was is None:
            found.append(Difference(kind, name, "added"))
        elif is_now is None:
            found.append(Difference(kind, name, "removed"))
        elif fields := changes(was, is_now):
            found.append(Difference(kind, name, "changed", fields))
    return found


def _by_name(manifests: Sequence[Manifest], left_out: frozenset[str]) -> dict[tuple[str, str], Manifest]:
    return {
        (each["kind"], each["metadata"]["name"]): _lasting(each) for each in manifests if each["kind"] not in left_out
    }


def _lasting(manifest: Manifest) -> Manifest:
    """Leave out what the service's spec decides from moment to moment."""
    if manifest["kind"] != "Deployment":
        return manifest
    return {**manifest, "spec": {name: value for name, value in manifest["spec"].items() if name not in _AT_ONCE}}

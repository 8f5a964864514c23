"""What the operator relies on in every object that a template makes, whoever wrote the template.

Held at every rendering, since a template may well choose by the service it renders.
"""

from collections.abc import Mapping
from typing import Any, Final

from delivery_operator.render.bundle import KINDS, SUFFIX
from delivery_operator.render.errors import TemplateError
from delivery_operator.render.restricted import pod_template, violations

_SELECTORS: Final[Mapping[str, tuple[str, ...]]] = {
    "deployment": ("spec", "selector", "matchLabels"),
    "networkpolicy": ("spec", "podSelector", "matchLabels"),
    "poddisruptionbudget": ("spec", "selector", "matchLabels"),
    "podmonitor": ("spec", "selector", "matchLabels"),
    "service": ("spec", "selector"),
}
"""Where a kind names the pods it is about."""


def checked(template: str, context: Mapping[str, Any], manifest: dict[str, Any]) -> dict[str, Any]:
    """Hand a manifest back if it is what its template is there for.

    Raises:
        TemplateError: it is another kind, has another name or namespace, lost a label or a selector, or has a pod that
            the restricted pod security standard refuses.
    """
    for problem in (_identity(template, context, manifest), _labels(context, manifest)):
        if problem:
            raise TemplateError(f"{template}{SUFFIX}", None, problem)
    if template in _SELECTORS:
        selector = context["policy"]["selector"] if template == "networkpolicy" else context["selector"]
        found = _at(manifest, *_SELECTORS[template])
        if found != selector:
            where = ".".join(_SELECTORS[template])
            problem = f"{where} is {found}, not {selector}: it would be about other pods"
            raise TemplateError(f"{template}{SUFFIX}", None, problem)
    if "pod" in context:
        _check_pod(template, context, manifest)
    return manifest


def _identity(template: str, context: Mapping[str, Any], manifest: Mapping[str, Any]) -> str | None:
    version, kind = KINDS[template]
    made = (manifest.get("apiVersion"), manifest.get("kind"))
    if made != (version, kind):
        return f"makes a {made[1]} of {made[0]}; write apiVersion: {version} and kind: {kind}"
    name, namespace = _at(manifest, "metadata", "name"), _at(manifest, "metadata", "namespace")
    if name != context["name"]:
        return f"metadata.name is {name}; write {{{{ name }}}}, by which the operator finds it"
    if namespace != context["service"]["namespace"]:
        return f"metadata.namespace is {namespace}; write {{{{ service.namespace }}}}: a service has nothing elsewhere"
    return None


def _labels(context: Mapping[str, Any], manifest: Mapping[str, Any]) -> str | None:
    lost = _lost(context["labels"], _at(manifest, "metadata", "labels"))
    return f"metadata.labels lacks {lost}; write {{{{ labels }}}}, by which the operator finds it" if lost else None


def _check_pod(template: str, context: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    pod = pod_template(manifest)
    spec = _at(pod, "spec")
    if not isinstance(spec, Mapping) or not spec.get("containers"):
        raise TemplateError(f"{template}{SUFFIX}", None, "makes no pod with a container")
    if lost := _lost(context["pod"]["labels"], _at(pod, "metadata", "labels")):
        problem = f"the pod's labels lack {lost}; write {{{{ pod.labels }}}}, by which the operator finds its pods"
        raise TemplateError(f"{template}{SUFFIX}", None, problem)
    try:
        refused = ", ".join(violations(spec))
    except (AttributeError, KeyError, TypeError) as error:
        raise TemplateError(f"{template}{SUFFIX}", None, f"its pod has not the form of one: {error!r}") from error
    if refused:
        problem = f"the restricted pod security standard refuses its pods: {refused}"
        raise TemplateError(f"{template}{SUFFIX}", None, problem)


def _lost(wanted: Mapping[str, str], found: Any) -> str:
    kept = found if isinstance(found, Mapping) else {}
    return ", ".join(name for name, value in sorted(wanted.items()) if kept.get(name) != value)


def _at(tree: Any, *path: str) -> Any:
    for step in path:
        tree = tree.get(step) if isinstance(tree, Mapping) else None
    return tree

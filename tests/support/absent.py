"""Objects of APIs that no test cluster serves: held against published models of them, or else against what is known."""

import importlib
from typing import Any, Final

_MODELS: Final = {
    "kustomize.toolkit.fluxcd.io/v1": "cloudcoil.models.fluxcd.kustomize.v1",
    "helm.toolkit.fluxcd.io/v2": "cloudcoil.models.fluxcd.helm.v2",
    "source.toolkit.fluxcd.io/v1": "cloudcoil.models.fluxcd.source.v1",
}
_OWNERS: Final = {
    "fluxcd": ("kustomize.toolkit.fluxcd.io/v1", "helm.toolkit.fluxcd.io/v2", "source.toolkit.fluxcd.io/v1"),
    "argocd": ("argoproj.io/v1alpha1",),
}
# PyPI has no models of Argo CD. These are the fields of an Application's spec (https://argo-cd.readthedocs.io).
_APPLICATION: Final = {"project", "source", "sources", "destination", "syncPolicy", "ignoreDifferences", "info"}


def problems(owner: str, objects: list[Any]) -> list[str]:
    """Say what is wrong with objects of an API that is not here; an empty list when nothing is."""
    found: list[str] = []
    for each in objects:
        name = f"{each.get('kind')} {each.get('metadata', {}).get('name')}"
        version = each.get("apiVersion")
        if version not in _OWNERS.get(owner, ()):
            found.append(f"{name}: {version} is no API of {owner}")
        elif version in _MODELS:
            found += [f"{name}: {problem}" for problem in _differences(each, _MODELS[version])]
        else:
            found += [f"{name}: no field spec.{field}" for field in each["spec"].keys() - _APPLICATION]
    return found


def _differences(each: Any, module: str) -> list[str]:
    model = getattr(importlib.import_module(module), each["kind"])
    # The models drop what they do not know: what does not come back is no field.
    back = model.model_validate(each).model_dump(mode="json", exclude_unset=True, by_alias=True)
    return _lost(each, back, "")


def _lost(written: Any, back: Any, path: str) -> list[str]:
    if isinstance(written, dict) and isinstance(back, dict):
        return [
            problem
            for key, value in written.items()
            for problem in (_lost(value, back[key], f"{path}.{key}") if key in back else [f"no field {path}.{key}"])
        ]
    if isinstance(written, list) and isinstance(back, list) and len(written) == len(back):
        return [problem for pair in zip(written, back, strict=True) for problem in _lost(*pair, f"{path}[]")]
    return [] if written == back else [f"{path} is {back!r}, not {written!r}"]

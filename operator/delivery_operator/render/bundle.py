"""A bundle of templates: one per kind of child, sealed with a digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Final

from delivery_operator.render.canonical import digest
from delivery_operator.render.errors import RenderError
from delivery_operator.render.sandbox import Template

NAMES: Final = ("serviceaccount", "configmap", "deployment", "service", "poddisruptionbudget", "job")
"""The templates of a bundle, in the order their objects are applied; each is a file <name>.yaml.j2."""


@dataclass(frozen=True)
class Bundle:
    """The templates by name.

    Attributes:
        sources: name to text, as read; the digest is over these.
    """

    sources: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuse a bundle that lacks a template or has one nobody asks for."""
        missing = sorted(set(NAMES) - set(self.sources))
        unknown = sorted(set(self.sources) - set(NAMES))
        if missing or unknown:
            raise RenderError(
                f"a template bundle needs exactly {', '.join(f'{name}.yaml.j2' for name in NAMES)}; "
                f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
            )

    @cached_property
    def digest(self) -> str:
        """Digest of all sources: changes when any template does."""
        return digest(dict(self.sources))

    def with_overrides(self, sources: Mapping[str, str]) -> "Bundle":
        """The bundle with some templates replaced."""
        return Bundle({**self.sources, **sources})

    @cached_property
    def templates(self) -> Mapping[str, Template]:
        """The compiled templates, by name."""
        return {name: Template(f"{name}.yaml.j2", source) for name, source in self.sources.items()}


def load(folder: Path | None = None) -> Bundle:
    """Read a bundle: from a folder, or the platform's own that came with the operator.

    Raises:
        RenderError: a template is missing or unknown.
    """
    if folder is None:
        folder = _packaged()
    return Bundle({path.name.removesuffix(".yaml.j2"): path.read_text() for path in sorted(folder.glob("*.yaml.j2"))})


def _packaged() -> Path:
    installed = Path(str(resources.files("delivery_operator"))) / "templates"
    # In a checkout the package is used in place, and the templates are at the repository's root.
    return installed if installed.is_dir() else Path(__file__).resolve().parents[3] / "templates"

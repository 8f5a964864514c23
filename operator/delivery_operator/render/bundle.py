"""A bundle of templates: one per kind of child and the parts they share, sealed with a digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Final

from delivery_operator.render.canonical import digest
from delivery_operator.render.errors import RenderError
from delivery_operator.render.platform import GATEWAY, KEDA, MONITORING
from delivery_operator.render.sandbox import Templates

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "serviceaccount": ("v1", "ServiceAccount"),
    "configmap": ("v1", "ConfigMap"),
    "networkpolicy": ("networking.k8s.io/v1", "NetworkPolicy"),
    "service": ("v1", "Service"),
    "deployment": ("apps/v1", "Deployment"),
    "cronjob": ("batch/v1", "CronJob"),
    "job": ("batch/v1", "Job"),
    "poddisruptionbudget": ("policy/v1", "PodDisruptionBudget"),
    "horizontalpodautoscaler": ("autoscaling/v2", "HorizontalPodAutoscaler"),
    "scaledobject": (KEDA, "ScaledObject"),
    "ingress": ("networking.k8s.io/v1", "Ingress"),
    "httproute": (GATEWAY, "HTTPRoute"),
    "grpcroute": (GATEWAY, "GRPCRoute"),
    "podmonitor": (MONITORING, "PodMonitor"),
    "prometheusrule": (MONITORING, "PrometheusRule"),
}
"""The templates of a bundle, each a file <name>.yaml.j2, to the apiVersion and kind of what it makes."""

NAMES: Final = tuple(KINDS)
PARTS: Final = ("_pod",)
"""What several templates include: `{% include "_pod.yaml.j2" %}`; an include can name nothing else."""

SUFFIX: Final = ".yaml.j2"


@dataclass(frozen=True)
class Bundle:
    """The templates by name.

    Attributes:
        sources: name to text, as read; the digest is over these.
    """

    sources: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuse a bundle that lacks a template or has one nobody asks for."""
        missing = sorted({*NAMES, *PARTS} - set(self.sources))
        if missing:
            raise RenderError(f"a template bundle lacks {_files(missing)}")
        _refuse_unknown(self.sources)

    @cached_property
    def digest(self) -> str:
        """Digest of all sources: changes when any template does."""
        return digest(dict(self.sources))

    @cached_property
    def templates(self) -> Templates:
        """The templates, each compiled when it is first used."""
        return Templates({f"{name}{SUFFIX}": source for name, source in self.sources.items()})

    def with_overrides(self, sources: Mapping[str, str]) -> "Bundle":
        """Put an environment's own templates in the place of those of the same name.

        Args:
            sources: name, such as "deployment" or "_pod", to text.

        Raises:
            RenderError: a name is unknown; the message lists those there are.
        """
        _refuse_unknown(sources)
        return Bundle({**self.sources, **sources})


def load(folder: Path | None = None) -> Bundle:
    """Read a whole bundle: from a folder, or the platform's own that came with the operator.

    Raises:
        RenderError: a template is missing or unknown.
    """
    return Bundle(read(packaged() if folder is None else folder))


def read(folder: Path) -> dict[str, str]:
    """Read the templates that a folder has, by name; other files are left alone."""
    return {path.name.removesuffix(SUFFIX): path.read_text() for path in sorted(folder.glob(f"*{SUFFIX}"))}


def _refuse_unknown(sources: Mapping[str, str]) -> None:
    unknown = sorted(set(sources) - {*NAMES, *PARTS})
    if unknown:
        raise RenderError(f"no template is named {_files(unknown)}; there are {_files([*NAMES, *PARTS])}")


def _files(names: list[str]) -> str:
    return ", ".join(f"{name}{SUFFIX}" for name in names)


def packaged() -> Path:
    """Return the folder of the templates that came with the operator; those of services are in its folder `service`."""
    installed = Path(str(resources.files("delivery_operator"))) / "templates"
    # In a checkout the package is used in place, and the templates are at the repository's root.
    return installed if installed.is_dir() else Path(__file__).resolve().parents[3] / "templates"

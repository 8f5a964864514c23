"""Installs the operator with its chart, from this working tree."""

from collections.abc import Mapping

from demo.images import ROOT
from demo.tools import Tools
from devcluster.images import BuiltImage

NAMESPACE = "delivery-system"
RELEASE = "delivery-operator"
CHART = ROOT / "charts" / "delivery-operator"


def install(tools: Tools, image: BuiltImage, more: Mapping[str, str] | None = None) -> None:
    """Install or upgrade the chart and wait until the operator is ready.

    The image's digest is an annotation of the pod: changed code rolls the operator, unchanged code does not.

    Args:
        tools: the cluster's.
        image: the operator's, already loaded.
        more: further values of the chart.

    Raises:
        ToolError: helm failed, or the operator did not become ready.
    """
    repository, _, tag = image.name.rpartition(":")
    values = {
        "image.repository": repository,
        "image.tag": tag,
        r"podAnnotations.delivery\.dev/image": image.digest,
    }
    tools.helm(
        "upgrade",
        "--install",
        RELEASE,
        str(CHART),
        "--namespace",
        NAMESPACE,
        "--create-namespace",
        *(word for name, value in values.items() for word in ("--set-string", f"{name}={value}")),
        *(word for name, value in (more or {}).items() for word in ("--set", f"{name}={value}")),
    )
    tools.kubectl("rollout", "status", "-n", NAMESPACE, f"deployment/{RELEASE}", "--timeout=120s")

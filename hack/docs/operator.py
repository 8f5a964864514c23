"""The operator's own settings and metrics."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric
from pydantic.fields import FieldInfo

from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.settings import Settings
from docs.markdown import code, page, prose, table

PREFIX = "delivery_operator_"


def settings_page() -> str:
    """The page of the environment variables that the operator reads."""
    rows = [
        (code(_variable(name, field)), code(_default(field)), prose(field.description or ""))
        for name, field in Settings.model_fields.items()
    ]
    return page(
        "Operator settings",
        "operator/delivery_operator/runtime/settings.py",
        "Environment variables of the operator itself. The chart sets them from its [values](chart-values.md); a wrong "
        "one ends the operator at its start with a line that names it.",
        table(("variable", "default", ""), rows),
    )


def metrics_page() -> str:
    """The page of the metrics under /metrics."""
    rows = [(code(_sample(family)), family.type, _labels(name), prose(family.documentation)) for name, family in ours()]
    return page(
        "Metrics",
        "operator/delivery_operator/runtime/metrics.py",
        "On the operator's HTTP port (8080) at `/metrics`, beside those of every Python process (`process_*`, "
        "`python_*`). [Operations](../how-to/operate.md#metrics-and-alerts) has alerts on them.",
        table(("metric", "type", "labels", ""), rows),
    )


def ours() -> Iterator[tuple[str, Metric]]:
    """The families that are the operator's, in the order they are registered."""
    for family in Metrics().registry.collect():
        if family.name.startswith(PREFIX):
            yield family.name, family


def _sample(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(name: str) -> str:
    metrics = [each for each in vars(Metrics()).values() if getattr(each, "_name", None) == name]
    return ", ".join(code(label) for each in metrics for label in each._labelnames)  # noqa: SLF001 there is no other way


def _variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return alias if isinstance(alias, str) else f"{Settings.model_config['env_prefix']}{name}".upper()


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    return ",".join(default) if isinstance(default, tuple) else f"{default}"

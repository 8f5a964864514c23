"""The generated pages of settings, metrics, chart values, admission rules and variables."""

from pathlib import Path

import click
import pytest

from delivery_operator.api.environ import PROVIDED
from delivery_operator.api.policy import RULES
from delivery_operator.render.bundle import load
from delivery_operator.runtime.settings import Settings
from docs import admission, chart, commands, environ, operator, reference, templates

OUTPUTS = reference.outputs()
PAGES = {path.stem: text for path, text in OUTPUTS.items()}


@pytest.mark.parametrize("path", OUTPUTS, ids=str)
def test_pages_are_committed_as_they_are_generated(path: Path) -> None:
    assert (reference.ROOT / path).read_text() == OUTPUTS[path]


@pytest.mark.parametrize("name", PAGES)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    width = 0
    for line in PAGES[name].splitlines():
        cells = line.count(" |") if line.startswith("|") else 0
        assert not cells or not width or cells == width, line
        width = cells


def test_a_link_in_a_reason_is_a_link_and_other_brackets_are_not() -> None:
    assert "[Drain a worker](../how-to/drain-a-worker.md#see-how-pods-end)" in PAGES["conditions"].replace("\\[", "")
    assert "pull the image with: \\[{name: registry}]" in PAGES["chart-values"]


def test_every_setting_is_told() -> None:
    page = operator.settings_page()

    assert all(name.upper() in page for name in Settings.model_fields)
    assert "| `POD_NAMESPACE` | `delivery-system` |" in page
    assert "| `DELIVERY_OPERATOR_NAMESPACES` |  |" in page


def test_metrics_are_told_with_type_and_labels() -> None:
    page = operator.metrics_page()

    assert "| `delivery_operator_writes_total` | counter | `verb`, `kind` |" in page
    assert "| `delivery_operator_queue_length` | gauge |  |" in page
    assert all(family.documentation in page for _, family in operator.ours())


def test_chart_values_are_told_by_path_with_the_comment_above_them() -> None:
    values = "# Where.\nimage:\n  # Its tag.\n  tag: v1\n\n# Labels.\nlabels: {}\nlist:\n  - a: 1\n"

    assert list(chart.comments(values)) == [
        (("image", "tag"), "Its tag."),
        (("labels",), "Labels."),
        (("list",), ""),
    ]


def test_a_message_in_cel_is_told_as_it_reads() -> None:
    cel = "'image ' + object.spec.image + ' is none of ' + variables.registries.join(', ') + params.metadata.name"

    assert admission.message(cel) == "image IMAGE is none of REGISTRIESENVIRONMENT"
    assert admission.admission_page().count("<br>") == 0
    assert all(admission.message(rule.message) for rule in RULES)


def test_every_template_is_told_with_what_it_makes_and_its_variables() -> None:
    page = templates.templates_page()

    assert all(f"| `{name}.yaml.j2` |" in page for name in load().sources)
    deployment = next(line for line in page.splitlines() if line.startswith("| `deployment.yaml.j2` |"))
    assert "`Deployment` of `apps/v1`" in deployment
    assert "`service.progressDeadlineSeconds`" in deployment
    assert "`service`," not in deployment


def test_every_variable_is_told_once() -> None:
    page = environ.environ_page()

    assert [page.count(f"| `{each.name}` |") for each in PROVIDED] == [1] * len(PROVIDED)


@click.group(name="delivery")
def example() -> None:
    """Does things."""


@example.command()
@click.argument("service")
@click.option("--count", "-c", default=3, show_default=True, help="How many | at most.")
@click.option("--quiet", is_flag=True, help="Say nothing.")
@click.option("--secret", hidden=True)
def scale(service: str, count: int, quiet: bool, secret: str) -> None:  # noqa: FBT001 click calls it by name
    """Scale a service.

    \b
    Example:
      kubectl delivery scale order --count 3
    """


@example.command(hidden=True)
def inner() -> None:
    """Not for people."""


def test_a_command_is_told_with_its_arguments_and_options() -> None:
    page = commands.command_page(example, "kubectl delivery", "operator/delivery_operator/cli", [(0, "Done.")])

    assert "# Command line: kubectl delivery\n\nDoes things." in page
    assert "## kubectl delivery scale\n\nScale a service." in page
    assert "kubectl delivery scale [OPTIONS] SERVICE" in page
    assert "| `SERVICE` |" in page
    assert "| `-c, --count INTEGER` | How many &#124; at most. \\[default: 3] |" in page
    assert "| `--quiet` | Say nothing. |" in page
    assert "| `0` | Done. |" in page
    assert "  kubectl delivery scale order --count 3\n```" in page
    assert "secret" not in page
    assert "Not for people" not in page

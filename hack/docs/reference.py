"""Which page is generated from what."""

from pathlib import Path
from typing import Final

from delivery_operator.api.crd import DEFINITIONS
from delivery_operator.cli.app import program
from delivery_operator.cli.exits import MEANING
from docs import admission, chart, commands, conditions, environ, fields, operator, requirements, templates

REFERENCE: Final = Path("docs/reference")
ROOT: Final = Path(__file__).parents[2]


def outputs() -> dict[Path, str]:
    """Every generated page, relative to the repository's root, with the text it should have.

    Raises:
        requirements.BadRequirements: the list of requirements and the tests do not belong together.
    """
    pages = {definition.kind.lower(): fields.kind_page(definition) for definition in DEFINITIONS}
    pages |= {
        "admission": admission.admission_page(),
        "chart-values": chart.values_page(ROOT),
        "command-line": commands.command_page(
            program(), "kubectl delivery", "operator/delivery_operator/cli", MEANING.items()
        ),
        "conditions": conditions.conditions_page(),
        "environment-variables": environ.environ_page(),
        "metrics": operator.metrics_page(),
        "templates": templates.templates_page(),
        "operator-settings": operator.settings_page(),
    }
    reference = {REFERENCE / f"{name}.md": text for name, text in pages.items()}
    return reference | {requirements.PAGE: requirements.requirements_page(ROOT)}

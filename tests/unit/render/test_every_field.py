"""Every field of the API's models, set one at a time: the named places change, and nothing else does.

A field without a row fails, so that none can be added that does nothing, or that does more than it says.
"""

import ast
from pathlib import Path
from typing import Any, Final

import pytest

from delivery_operator.api import policy
from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.render.manifests import content
from tests.unit.support import builders, environment_rows, process_rows, service_rows
from tests.unit.support.fields import fields, matches, places, with_value
from tests.unit.support.rows import CHILDREN, SERVICE, Row, before, children

ROOT: Final = Path(__file__).parents[3]
SERVICE_ROWS: Final = (*service_rows.ROWS, *process_rows.ROWS)

# Fields that show in no manifest, and the test of what the operator decides by them.
_ENGINE: Final = "tests/unit/engine"
_WAVES: Final = "tests/unit/engine/test_waves.py"
_ENVIRONMENTS: Final = "tests/unit/cluster/test_environments.py"
DECIDED: Final = {
    "paused": f"{_ENGINE}/test_decide_paused.py::test_nothing_is_written_but_the_status",
    "release.onFailure": f"{_ENGINE}/test_decide_rollout.py::test_turning_hold_into_rollback_takes_effect_at_once",
    "release.rollbackTo": f"{_ENGINE}/test_decide_rollback.py"
    "::test_a_rollback_is_a_release_with_the_content_of_the_one_named",
}
ENVIRONMENT_DECIDED: Final = {
    "templates.configMap": f"{_ENVIRONMENTS}"
    "::test_templates_from_a_config_map_are_laid_over_the_operators_and_read_once",
    "templates.folder": f"{_ENVIRONMENTS}::test_templates_from_a_folder",
    "upgrade.mode": f"{_WAVES}::test_nothing_rolls_of_itself",
    "upgrade.maxConcurrent": f"{_WAVES}::test_no_more_than_the_cap_are_under_way_and_each_end_makes_room_for_the_next",
    "upgrade.stopAfterFailures": f"{_WAVES}::test_allowing_more_failures_goes_on_too",
    **{
        f"maintenanceWindow.{name}": f"{_ENGINE}/test_window.py::test_how_long_until_it_is_open"
        for name in ("days", "startTime", "endTime", "timeZone")
    },
    "drift.mode": f"{_ENGINE}/test_decide_drift.py::test_what_the_environment_says_is_done",
    "drift.kinds": f"{_ENGINE}/test_decide_drift.py::test_a_kind_may_have_a_mode_of_its_own",
    "releases.keep": f"{_ENGINE}/test_decide_environment.py::test_the_environment_says_how_many_releases_are_kept",
}
# Content of a release, and no more: Compose takes the version, and the binding's object is asked for its Secret.
CONTENT: Final = {
    "backingServices.0.version": "16",
    "backingServices.0.provisionedService.apiVersion": "example.com/v2",
    "backingServices.0.provisionedService.kind": "Store",
    "backingServices.0.provisionedService.name": "other",
}
PROVISIONED: Final = {
    "name": "db",
    "type": "postgresql",
    "provisionedService": {"apiVersion": "example.com/v1", "kind": "Database", "name": "db"},
    "env": {"DATABASE_URL": "url"},
}
# Admission's: a variable of the policy of the same name reads it.
ADMISSION: Final = {
    "tier": "preReleases",
    "policy.preReleases": "preReleases",
    "policy.requireDigest": "requireDigest",
    "policy.registries": "registries",
}


def ids(rows: tuple[Row, ...]) -> list[Any]:
    return [pytest.param(row, id=row.path) for row in rows]


def test_the_service_that_rows_change_has_all_children() -> None:
    assert {f"{each['kind']} {each['metadata']['name']}" for each in children(SERVICE, {})} == set(CHILDREN)


@pytest.mark.parametrize("row", ids(SERVICE_ROWS))
def test_a_field_of_a_service_changes_what_it_names(row: Row) -> None:
    old = before(row)
    after = with_value(old, row.path, row.value)
    assert places(children(old, row.environment), children(after, row.environment)) == row.places
    assert (content(builders.parsed(old)) == content(builders.parsed(after))) == row.at_once


@pytest.mark.parametrize("row", ids(environment_rows.ROWS))
def test_a_field_of_an_environment_changes_what_it_names(row: Row) -> None:
    """With the next release: an environment makes none."""
    service = before(row)
    after = with_value(row.environment, row.path, row.value)
    assert places(children(service, row.environment), children(service, after)) == row.places


@pytest.mark.parametrize(("path", "value"), CONTENT.items())
def test_a_field_that_shows_in_no_manifest_makes_a_release(path: str, value: str) -> None:
    old = with_value(SERVICE, "backingServices", [PROVISIONED])
    after = with_value(old, path, value)
    assert places(children(old, {}), children(after, {})) == set()
    assert content(builders.parsed(old)) != content(builders.parsed(after))


@pytest.mark.parametrize(
    ("path", "value"), [("paused", True), ("release.onFailure", "hold"), ("release.rollbackTo", 1)]
)
def test_a_field_that_the_engine_decides_by_makes_no_release(path: str, value: object) -> None:
    after = with_value(SERVICE, path, value)
    assert places(children(SERVICE, {}), children(after, {})) == set()
    assert content(builders.parsed(SERVICE)) == content(builders.parsed(after))


@pytest.mark.parametrize(("path", "variable"), ADMISSION.items())
def test_a_field_of_the_policy_is_read_at_admission(path: str, variable: str) -> None:
    assert f"params.spec.{path}" in dict(policy.VARIABLES)[variable]


@pytest.mark.parametrize("test", [*DECIDED.values(), *ENVIRONMENT_DECIDED.values()])
def test_what_is_decided_elsewhere_is_tested_there(test: str) -> None:
    file, name = test.split("::")
    tree = ast.parse((ROOT / file).read_text())
    assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("field", list(fields(DeliveryServiceSpec)))
def test_every_field_of_a_service_has_a_row(field: str) -> None:
    rows = [*(row.path for row in SERVICE_ROWS), *CONTENT, *DECIDED]
    assert [path for path in rows if matches(field, path)]


@pytest.mark.parametrize("field", list(fields(DeliveryEnvironmentSpec)))
def test_every_field_of_an_environment_has_a_row(field: str) -> None:
    rows = [*(row.path for row in environment_rows.ROWS), *ADMISSION, *ENVIRONMENT_DECIDED]
    assert [path for path in rows if matches(field, path)]

"""`validate` says what admission says, by file and document."""

import json
from pathlib import Path

from tests.unit.cli.conftest import Delivery
from tests.unit.cli.test_render import ORDER

PRODUCTION = """\
apiVersion: delivery.dev/v1alpha1
kind: DeliveryEnvironment
metadata: {name: production}
spec: {tier: production}
"""
SERVICE = """\
apiVersion: delivery.dev/v1alpha1
kind: DeliveryService
metadata: {name: order}
spec:
  environment: production
  codebase: {repository: 'https://git.example.com/shop/order', revision: v1.0.0-rc.1}
  image: order:v1
  processes: {web: {command: [order]}}
"""


def test_what_is_well_has_nothing_to_say(delivery: Delivery) -> None:
    ended = delivery("validate", str(ORDER))
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_each_problem_is_a_line_with_its_place(delivery: Delivery) -> None:
    broken = SERVICE.replace("order:v1", "order:latest").replace("command: [order]", "command: [order], prot: 1")
    ended = delivery("validate", "-", stdin=f"{PRODUCTION}---\n{broken}")
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert all(line.startswith("stdin: document 2 (DeliveryService order): ") for line in lines)
    assert 'unknown field "spec.processes.web.prot"' in lines[0]
    assert any("image tag 'latest' names a different image each day" in line for line in lines)
    assert any("v1.0.0-rc.1 is a pre-release, and environment production takes none" in line for line in lines)


def test_problems_for_programs(delivery: Delivery) -> None:
    ended = delivery("validate", "-", "-o", "json", stdin=SERVICE.replace("order:v1", "order:latest"))
    assert ended.code == 1
    [problem] = json.loads(ended.out)
    assert (problem["file"], problem["document"], problem["name"]) == ("stdin", 1, "order")
    assert problem["field"] == "spec.image"
    well = delivery("validate", str(ORDER), "-o", "json")
    assert (well.code, json.loads(well.out)) == (0, [])


def test_the_policy_of_a_given_environment_holds_and_of_another_one_is_noted(
    delivery: Delivery, tmp_path: Path
) -> None:
    """F1-7."""
    ended = delivery("validate", "-", stdin=SERVICE)
    assert ended.code == 0
    assert ended.err == (
        "note: stdin: document 1 (DeliveryService order): environment production is not given, so its policy is not "
        "checked\n"
    )
    file = tmp_path / "environments.yaml"
    file.write_text(PRODUCTION)
    ended = delivery("validate", "-", "--environment-file", str(file), stdin=SERVICE)
    assert ended.code == 1
    assert "is a pre-release" in ended.out


def test_other_objects_are_passed_over_and_nothing_of_ours_is_an_error(delivery: Delivery) -> None:
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\n"
    assert delivery("validate", "-", stdin=f"{other}---\n{PRODUCTION}").code == 0
    ended = delivery("validate", "-", stdin=other)
    assert (ended.code, ended.err) == (
        6,
        "error: there is nothing of delivery.dev in -; write apiVersion: delivery.dev/v1alpha1\n",
    )


def test_an_environment_that_is_wrong_is_told_of_and_judges_no_service(delivery: Delivery) -> None:
    ended = delivery("validate", "-", stdin=f"{PRODUCTION.replace('tier: production', 'tier: high')}---\n{SERVICE}")
    assert ended.code == 1
    assert "document 1 (DeliveryEnvironment production): spec.tier: Unsupported value" in ended.out
    assert "document 2" not in ended.out

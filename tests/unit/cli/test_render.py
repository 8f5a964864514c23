"""`render` prints what the one renderer makes, and needs no cluster."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from delivery_operator.render.manifests import render, scaling
from tests.unit.cli.conftest import Delivery
from tests.unit.support import builders
from tests.unit.support.services import SERVICES

ROOT = Path(__file__).parents[3]
ORDER = ROOT / "examples/order/deliveryservice.yaml"


def as_file(name: str, **metadata: str) -> str:
    body = {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryService",
        "metadata": {"name": name, **metadata},
        "spec": SERVICES[name],
    }
    return yaml.safe_dump(body)


def test_it_prints_what_the_operator_renders(delivery: Delivery) -> None:
    ended = delivery("render", "-", "-n", "shop", stdin=as_file("order"))
    assert ended.code == 0
    service = ("order", "shop", builders.parsed(SERVICES["order"]), builders.BUNDLE)
    wanted = render(*service) + scaling(*service)
    job = next(each for each in wanted if each["kind"] == "Job")
    job["metadata"]["name"] = "order-r1-migrate"
    assert list(yaml.safe_load_all(ended.out)) == wanted


def test_json_is_a_list_that_kubectl_takes(delivery: Delivery) -> None:
    as_yaml = delivery("render", "-", stdin=as_file("order"))
    as_json = delivery("render", "-", "-o", "json", stdin=as_file("order"))
    printed = json.loads(as_json.out)
    assert (printed["apiVersion"], printed["kind"]) == ("v1", "List")
    assert printed["items"] == list(yaml.safe_load_all(as_yaml.out))


def test_optional_apis_environments_and_templates_are_given(delivery: Delivery, tmp_path: Path) -> None:
    processes = {"worker": {"command": ["w"], "scaling": {"max": 3, "queue": {"type": "redis", "name": "q", **_FROM}}}}
    spec = {"environment": "qa", "image": "order:v1", "processes": processes, "config": {"REDIS": {"value": "redis:1"}}}
    body = {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryService",
        "metadata": {"name": "order"},
        "spec": spec,
    }
    environment = tmp_path / "qa.yaml"
    environment.write_text(
        "apiVersion: delivery.dev/v1alpha1\nkind: DeliveryEnvironment\nmetadata: {name: qa}\n"
        "spec: {isolation: {enabled: false}}\n"
    )
    templates = tmp_path / "templates"
    templates.mkdir()
    source = (ROOT / "templates/serviceaccount.yaml.j2").read_text()
    (templates / "serviceaccount.yaml.j2").write_text(f"{source}imagePullSecrets: [{{name: ours}}]\n")
    words = ["render", "-", "--environment-file", str(environment), "--templates", str(templates)]

    def kinds(*more: str) -> list[str]:
        ended = delivery(*words, *more, stdin=yaml.safe_dump(body))
        assert ended.code == 0, ended.err
        assert "ours" in ended.out
        return [each["kind"] for each in yaml.safe_load_all(ended.out)]

    assert "ScaledObject" not in kinds()
    assert "ScaledObject" in kinds("--api-versions", "keda.sh/v1alpha1")
    assert "NetworkPolicy" not in kinds()


_FROM = {"addressFrom": "REDIS"}


@pytest.mark.parametrize(
    ("change", "words", "code", "message"),
    [
        ({"environment": "qa"}, (), 6, "environment qa is not known; give its file with --environment-file"),
        ({}, ("--api-versions", "apps/v1"), 2, "--api-versions apps/v1 makes no difference"),
        (
            {
                "processes": {"web": {"command": ["w"], "port": {"number": 1}, "expose": {}}},
            },
            (),
            6,
            "has no gateway and no ingress to expose process web by",
        ),
    ],
)
def test_what_cannot_be_rendered_is_told(
    change: dict[str, object], words: tuple[str, ...], code: int, message: str, delivery: Delivery
) -> None:
    body = yaml.safe_load(as_file("minimal"))
    body["spec"] |= change
    ended = delivery("render", "-", *words, stdin=yaml.safe_dump(body))
    assert ended.code == code
    assert message in ended.err


def test_a_wrong_template_is_named_with_its_line(delivery: Delivery, tmp_path: Path) -> None:
    source = (ROOT / "templates/service.yaml.j2").read_text()
    (tmp_path / "service.yaml.j2").write_text(source + "x: {{ nothing }}\n")
    ended = delivery("render", str(ORDER), "--templates", str(tmp_path))
    assert ended.code == 6
    assert f"template service.yaml.j2, line {source.count(chr(10)) + 1}: 'nothing' is undefined" in ended.err
    (tmp_path / "gateway.yaml.j2").write_text("x")
    assert "no template is named gateway.yaml.j2" in delivery("render", str(ORDER), "--templates", str(tmp_path)).err


@pytest.mark.parametrize("words", [("render", str(ORDER)), ("validate", str(ORDER)), ("compose", str(ORDER))])
def test_commands_without_a_cluster_load_nothing_to_reach_one(words: tuple[str, ...]) -> None:
    program = (
        "import sys\n"
        "from delivery_operator.cli.__main__ import main\n"
        "code = main(sys.argv[1:])\n"
        "loaded = {'aiohttp', 'kopf', 'kubernetes', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'{code} {loaded}' if code or loaded else 0)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_program_is_installed_as_a_plugin_of_kubectl() -> None:
    program = Path(sys.executable).with_name("kubectl-delivery")
    ended = subprocess.run([program, "render", str(ORDER), "-o", "json"], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout)["items"]


def test_a_reader_that_goes_away_is_no_error() -> None:
    read = subprocess.run(
        [
            "bash",
            "-c",
            f"set -o pipefail; {sys.executable} -m delivery_operator.cli render {ORDER} {ORDER} | head -c 1",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (read.returncode, read.stdout, read.stderr) == (0, "a", "")

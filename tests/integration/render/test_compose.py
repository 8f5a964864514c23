"""Docker Compose takes what `kubectl delivery compose` writes; its judge here finds what Docker Compose would find."""

from pathlib import Path

import pytest
import yaml

from tests.support.compose import ComposeError, load

GOOD = """
name: shop
services:
  web:
    image: registry.example.com/shop/order:${TAG:?names the version}
    command: [order, web]
    ports: ["127.0.0.1:8080:50051"]
    environment:
      DATABASE_URL: postgresql://order@db/order
    depends_on:
      db: {condition: service_healthy}
  db:
    image: postgres:15
    healthcheck:
      test: [CMD, pg_isready]
      interval: 1s
"""


WRITTEN = sorted((Path(__file__).parents[2] / "unit/cli/goldens/compose").glob("*.yaml"))


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_what_the_command_line_writes_is_a_project_with_what_its_env_example_names(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F10-3, F10-4, TE-6. Whole Secrets come from files beside it."""
    monkeypatch.chdir(tmp_path)
    names = [
        line.partition("=")[0]
        for line in path.with_suffix(".env.example").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    text = path.read_text()
    for service in yaml.safe_load(text)["services"].values():
        for file in service.get("env_file", ()):
            Path(file["path"]).touch()
    services = load(text, dict.fromkeys(names, "given"))["services"]
    assert services.keys() | _on_demand(text) == yaml.safe_load(text)["services"].keys()
    assert all(each["image"] for each in services.values())
    with pytest.raises(ComposeError, match=names[0]):
        load(text, dict.fromkeys(names[1:], "given"))


def _on_demand(text: str) -> set[str]:
    """Services of a profile: a project has them only when it is asked for."""
    return {name for name, each in yaml.safe_load(text)["services"].items() if each.get("profiles")}


def test_a_good_file_becomes_a_project() -> None:
    project = load(GOOD, {"TAG": "v1.4.2"})
    web = project["services"]["web"]
    assert project["name"] == "shop"
    assert web["image"] == "registry.example.com/shop/order:v1.4.2"
    assert web["ports"] == [
        {"mode": "ingress", "host_ip": "127.0.0.1", "target": 50051, "published": "8080", "protocol": "tcp"}
    ]
    assert web["depends_on"]["db"]["condition"] == "service_healthy"


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        pytest.param("command:", "comand:", "services.web.comand", id="an unknown field"),
        pytest.param("[order, web]", "{order: web}", "services.web.command", id="a wrong type"),
        pytest.param(
            "  db:\n    image", "  data:\n    image", 'depends on undefined service "db"', id="no such service"
        ),
        pytest.param("interval: 1s", "interval: soon", 'invalid duration "soon"', id="no duration"),
        pytest.param("TAG:?", "OTHER:?", "OTHER is missing a value: names the version", id="no value"),
        pytest.param("name: shop", "name: [", "yaml: ", id="no YAML"),
    ],
)
def test_a_bad_file_is_refused_in_the_loaders_words(good: str, bad: str, said: str) -> None:
    assert GOOD.count(good) == 1
    with pytest.raises(ComposeError) as caught:
        load(GOOD.replace(good, bad), {"TAG": "v1.4.2"})
    assert said in str(caught.value)


def test_variables_of_this_process_do_not_leak_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAG", "v0.0.0")
    with pytest.raises(ComposeError, match="TAG is missing a value"):
        load(GOOD, {})

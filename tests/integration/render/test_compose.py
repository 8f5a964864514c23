"""The judge of Compose files finds what Docker Compose would find."""

import pytest

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

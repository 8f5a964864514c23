"""`compose`: the same service on a laptop, and the documents' own Compose file out of a DeliveryService."""

from copy import deepcopy
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.cli.backing import KNOWN
from delivery_operator.render.manifests import render
from delivery_operator.render.platform import Platform
from tests.unit.cli.conftest import Delivery, Golden
from tests.unit.cli.test_render import ORDER, as_file
from tests.unit.support import builders
from tests.unit.support.services import SERVICES

MYAPP: dict[str, Any] = {
    "image": "yourorg/myapp:v1.0.0",
    "processes": {"app": {"command": ["./myapp", "web"], "port": {"number": 8080}}},
    "config": {"DEBUG_MODE": {"value": "true"}},
    "backingServices": [
        {"name": "db", "type": "postgresql", "version": "15", "secret": "db", "env": {"DATABASE_URL": "url"}},
        {"name": "redis", "type": "redis", "version": "7", "secret": "redis", "env": {"REDIS_ADDR": "addr"}},
        {"name": "rabbitmq", "type": "rabbitmq", "version": "3", "secret": "mq", "env": {"RABBITMQ_URL": "url"}},
    ],
}

# docker-compose.yml of the platform's document (F10-3).
DOCUMENT: dict[str, Any] = {
    "version": "3.8",
    "services": {
        "app": {
            "build": {"context": ".", "dockerfile": "Dockerfile.dev"},
            "ports": ["8080:8080"],
            "environment": {
                "DATABASE_URL": "postgres://user:password@db:5432/mydatabase?sslmode=disable",
                "REDIS_ADDR": "redis:6379",
                "RABBITMQ_URL": "amqp://guest:guest@rabbitmq:5672/",
                "PORT": "8080",
                "DEBUG_MODE": "true",
            },
            "depends_on": ["db", "redis", "rabbitmq"],
            "volumes": [".:/app"],
        },
        "db": {
            "image": "postgres:15",
            "environment": {"POSTGRES_DB": "mydatabase", "POSTGRES_USER": "user", "POSTGRES_PASSWORD": "password"},
            "volumes": ["db_data:/var/lib/postgresql/data"],
        },
        "redis": {"image": "redis:7-alpine", "ports": ["6379:6379"]},
        "rabbitmq": {"image": "rabbitmq:3-management-alpine", "ports": ["5672:5672", "15672:15672"]},
    },
    "volumes": {"db_data": None},
}


def service(name: str, spec: dict[str, Any]) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "delivery.dev/v1alpha1",
            "kind": "DeliveryService",
            "metadata": {"name": name},
            "spec": spec,
        }
    )


def composed(delivery: Delivery, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    ended = delivery("compose", "-", stdin=service(name, spec))
    assert ended.code == 0, ended.err
    PyCompose.from_yaml(ended.out)
    found: dict[str, Any] = yaml.safe_load(ended.out)
    return found


def contains(actual: Any, expected: Any) -> bool:
    """Whether every field of the document is there, with its value."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            name in actual and contains(actual[name], value) for name, value in expected.items()
        )
    return bool(actual == expected)


def with_named_differences() -> dict[str, Any]:
    """The document's file, changed only where it is said why."""
    wanted = deepcopy(DOCUMENT)
    app, database, queue = (wanted["services"][name] for name in ("app", "db", "rabbitmq"))
    # W-18: the key version is obsolete; the project is named instead.
    del wanted["version"]
    wanted["name"] = "myapp"
    # W-18: Dockerfile.dev is not given, and F10-2 asks for the same image as in the cluster; so no source is mounted.
    del app["build"], app["volumes"]
    app["image"] = "yourorg/myapp:v1.0.0"
    # W-18: depends_on waits until what is depended on is healthy.
    app["depends_on"] = {name: {"condition": "service_healthy"} for name in app["depends_on"]}
    # W-23: no password is in the file; user and database have the service's name.
    asked = {name: f"${{{name.upper()}_PASSWORD:?set it in .env}}" for name in ("db", "rabbitmq")}
    app["environment"]["DATABASE_URL"] = f"postgres://myapp:{asked['db']}@db:5432/myapp?sslmode=disable"
    app["environment"]["RABBITMQ_URL"] = f"amqp://myapp:{asked['rabbitmq']}@rabbitmq:5672/"
    database["environment"] = {
        "POSTGRES_DB": "myapp",
        "POSTGRES_USER": "myapp",
        "POSTGRES_PASSWORD": asked["db"],
    }
    queue["environment"] = {"RABBITMQ_DEFAULT_USER": "myapp", "RABBITMQ_DEFAULT_PASS": asked["rabbitmq"]}
    # W-23: ports are open to this machine only.
    for each in wanted["services"].values():
        if "ports" in each:
            each["ports"] = [f"127.0.0.1:{port}" for port in each["ports"]]
    wanted["volumes"] = {"db_data": {}}
    return wanted


def test_the_documents_compose_file(delivery: Delivery) -> None:
    """F10-3, F10-4, TE-6, W-18, W-23."""
    found = composed(delivery, "myapp", MYAPP)
    wanted = with_named_differences()
    assert contains(found, wanted), yaml.safe_dump(found)
    assert set(found["services"]) == set(wanted["services"])
    assert "version" not in found
    for name in ("db", "redis", "rabbitmq"):
        assert found["services"][name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", ["order", "payment"])
def test_golden(name: str, delivery: Delivery, golden: Golden) -> None:
    ended = delivery("compose", "-", stdin=service(name, SERVICES[name]))
    assert ended.code == 0, ended.err
    PyCompose.from_yaml(ended.out)
    golden(f"compose/{name}.yaml", ended.out)
    example = delivery("compose", "-", "--env-example", stdin=service(name, SERVICES[name]))
    golden(f"compose/{name}.env.example", example.out)


@pytest.mark.parametrize("name", ["minimal", "order", "payment"])
def test_image_command_and_variables_are_those_of_the_pods(name: str, delivery: Delivery) -> None:
    """F10-2."""
    spec = builders.parsed(SERVICES[name])
    bindings = {each.name: "s" for each in spec.backing_services if each.provisioned_service}
    platform = Platform(DeliveryEnvironmentSpec(), frozenset(), bindings)
    manifests = render(name, "default", spec, builders.BUNDLE, platform)
    services = composed(delivery, name, SERVICES[name])["services"]
    literals = {variable for variable, each in spec.config.items() if each.value is not None}
    for manifest in (each for each in manifests if each["kind"] == "Deployment"):
        container = manifest["spec"]["template"]["spec"]["containers"][0]
        here = services[manifest["metadata"]["labels"]["delivery.dev/process"]]
        assert here["image"] == container["image"]
        assert here["entrypoint"] == [word.replace("$", "$$") for word in container["command"]]
        assert set(here["environment"]) == {each["name"] for each in container["env"]} | literals
    for binding in spec.backing_services:
        if binding.type in KNOWN and binding.version:
            tag = services[binding.name]["image"].rpartition(":")[2]
            assert tag.startswith(binding.version)


def test_the_migration_ends_well_before_anything_else_starts(delivery: Delivery) -> None:
    spec = {
        **MYAPP,
        "release": {"migrate": {"command": ["m"]}, "contract": {"command": ["c"]}},
        "tasks": {"seed": {"command": ["s"]}},
        "processes": {**MYAPP["processes"], "sweep": {"command": ["sweep"], "schedule": "@daily"}},
    }
    services = composed(delivery, "myapp", spec)["services"]
    assert set(services["migrate"]["depends_on"]) == {"db", "redis", "rabbitmq"}
    for name in ("app", "seed", "contract", "sweep"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert {name for name, each in services.items() if "profiles" in each} == {"seed", "contract", "sweep"}


def test_names_and_ports_that_collide_give_way(delivery: Delivery) -> None:
    spec = {
        "image": "app:v1",
        "processes": {
            "db": {"command": ["a"], "port": {"number": 6379}},
            "migrate": {"command": ["b"], "port": {"number": 6379}},
        },
        "backingServices": [
            {"name": "db", "type": "redis", "version": "7", "secret": "s", "env": {"REDIS_ADDR": "addr"}}
        ],
        "release": {"migrate": {"command": ["m"]}},
    }
    services = composed(delivery, "app", spec)["services"]
    assert set(services) == {"db", "migrate", "migrate-job", "db-backing"}
    assert services["db"]["environment"]["REDIS_ADDR"] == "db-backing:6379"
    published = [each["ports"] for each in services.values() if "ports" in each]
    assert published == [["127.0.0.1:6379:6379"], ["127.0.0.1:6380:6379"], ["127.0.0.1:6381:6379"]]
    assert "migrate-job" in services["migrate"]["depends_on"]


def test_what_is_not_known_here_comes_from_dotenv_and_from_files(delivery: Delivery) -> None:
    spec = {
        "image": "app:v1",
        "processes": {"web": {"command": ["a", "$HOME"], "scratch": {"/cache": "1.5Gi"}}},
        "config": {
            "PRICE": {"value": "5$"},
            "FLAGS": {"configMapKeyRef": {"name": "flags", "key": "all"}},
            "DSN": {"secretKeyRef": {"name": "sentry", "key": "dsn"}, "optional": True},
        },
        "configFrom": [{"name": "stripe", "secret": "stripe", "optional": True}],
        "backingServices": [
            {"name": "search", "type": "opensearch", "secret": "s", "env": {"SEARCH_URL": "url"}, "files": True},
            {
                "name": "cache",
                "type": "redis",
                "secret": "s",
                "env": {"CACHE_PASSWORD": "password", "CACHE_TLS": "tls"},
            },
        ],
    }
    ended = delivery("compose", "-", stdin=service("app", spec))
    assert ended.err == (
        "note: backing service search (opensearch) has no container here; its variables come from .env\n"
    )
    PyCompose.from_yaml(ended.out)
    web = yaml.safe_load(ended.out)["services"]["web"]
    variables = web["environment"]
    assert variables["PRICE"] == "5$$"
    assert web["entrypoint"] == ["a", "$$HOME"]
    assert variables["FLAGS"] == "${FLAGS:?set it in .env}"
    assert variables["DSN"] == "${DSN:-}"
    assert variables["SEARCH_URL"] == "${SEARCH_URL:?set it in .env}"
    for name in ("CACHE_PASSWORD", "CACHE_TLS"):
        assert variables[name] == f"${{{name}:?set it in .env}}"
    assert variables["POD_NAME"] == "app-web"
    assert "$(" not in variables["OTEL_RESOURCE_ATTRIBUTES"]
    assert web["env_file"] == [{"path": "stripe.env", "required": False}]
    assert web["volumes"] == ["./bindings/search:/bindings/search:ro"]
    assert f"/cache:size={3 * 2**29},mode=1777" in web["tmpfs"]
    cache = yaml.safe_load(ended.out)["services"]["cache"]
    assert cache["command"] == ["redis-server", "--requirepass", "${CACHE_PASSWORD:?set it in .env}"]
    names = delivery("compose", "-", "--env-example", stdin=service("app", spec)).out
    assert {line for line in names.splitlines() if line and not line.startswith("#")} == {
        "FLAGS=",
        "DSN=",
        "SEARCH_URL=",
        "CACHE_PASSWORD=",
        "CACHE_TLS=",
    }


@pytest.mark.parametrize("kind", KNOWN)
def test_every_known_backing_service_makes_a_whole_service(kind: str, delivery: Delivery) -> None:
    known = KNOWN[kind]
    binding = {"name": "back", "type": kind, "version": "4.1", "secret": "s", "env": {known.variable: known.key}}
    spec = {"image": "app:v1", "processes": {"web": {"command": ["a"]}}, "backingServices": [binding]}
    services = composed(delivery, "app", spec)["services"]
    back = services["back"]
    assert ":4.1" in back["image"]
    assert "back" in services["web"]["environment"][known.variable]
    assert back["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert not any("{" in str(value).replace("${", "") for value in back.get("environment", {}).values())


@pytest.mark.parametrize(("version", "tag"), [("4", "4.0.0"), ("4.1", "4.1.0"), ("3.9.1", "3.9.1"), (None, "4.0.0")])
def test_kafka_has_tags_of_three_parts_only(version: str | None, tag: str) -> None:
    assert KNOWN["kafka"].tagged(version) == tag


def test_one_service_at_a_time(delivery: Delivery) -> None:
    ended = delivery("compose", "-", stdin=f"{as_file('minimal')}---\n{as_file('order')}")
    assert (ended.code, ended.err) == (2, "error: - has 2 DeliveryServices; give a file with one\n")
    assert delivery("compose", str(ORDER)).code == 0


def test_a_migration_and_a_task_of_its_name_are_two(delivery: Delivery) -> None:
    spec = {**MYAPP, "release": {"migrate": {"command": ["m"]}}, "tasks": {"migrate": {"command": ["t"]}}}
    found = composed(delivery, "myapp", spec)["services"]
    assert (found["migrate"]["entrypoint"], found["migrate-job"]["entrypoint"]) == (["t"], ["m"])
    assert found["app"]["depends_on"]["migrate-job"] == {"condition": "service_completed_successfully"}


def test_variables_in_a_command_are_expanded_as_in_the_cluster(delivery: Delivery) -> None:
    command = ["./myapp", "--port=$(PORT)", "--db", "$(DATABASE_URL)", "$(UNKNOWN)", "$5", "$$(PORT)$$$(PORT)"]
    processes = {"app": {"command": command, "port": {"number": 8080}}}
    app = composed(delivery, "myapp", {**MYAPP, "processes": processes})["services"]["app"]
    url = app["environment"]["DATABASE_URL"]
    assert app["entrypoint"] == ["./myapp", "--port=8080", "--db", url, "$$(UNKNOWN)", "$$5", "$$(PORT)$$8080"]

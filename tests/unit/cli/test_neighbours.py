"""What `doctor` sees of services side by side (F1-3, F4-5, F10-2)."""

from typing import Any

import pytest

from delivery_operator.cli import neighbours
from tests.unit.cli.apiserver import Object

POOL = {"maxOpen": 25}


def service(name: str = "order", namespace: str = "shop", **spec: Any) -> Object:
    body = {"image": f"registry.example.com/shop/{name}:v1", "processes": {"web": {"command": [name]}}, **spec}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": body}


def binding(**fields: Any) -> Object:
    return {"name": "db", "type": "postgresql", "secret": "db", "env": {"DATABASE_URL": "url"}, **fields}


def codebase(name: str) -> Object:
    return {"codebase": {"repository": f"https://git.example.com/shop/{name}", "revision": "v1.0.0"}}


def told(*bodies: Object) -> list[str]:
    services = neighbours.read(bodies)
    own = [each for each in services if each.namespace == "shop"]
    return [each.says for each in (*neighbours.of_namespace(own), *neighbours.of_environments(services, "shop"))]


def test_two_services_of_one_codebase_are_two_apps() -> None:
    one, other = service("order", **codebase("order")), service("payment", **codebase("order.git"))
    (says,) = told(one, other)
    assert says == "services order, payment are built from one codebase, https://git.example.com/shop/order"
    assert told(one, service("payment", **codebase("payment")), service("user")) == []


def test_the_same_codebase_in_another_namespace_is_another_deploy() -> None:
    assert told(service(**codebase("order")), service(namespace="shop-dev", **codebase("order"))) == []


@pytest.mark.parametrize(
    ("processes", "connections"),
    [
        pytest.param({"web": {"replicas": 4}}, 125, id="one more pod while it is rolled"),
        pytest.param({"web": {"replicas": 3}}, None, id="just as many as it takes"),
        pytest.param({"web": {"scaling": {"min": 1, "max": 9, "cpu": 70}}}, 250, id="as many as load may ask for"),
        pytest.param({"web": {"replicas": 2}, "relay": {}}, 125, id="every process"),
        pytest.param({"web": {"replicas": 2}, "relay": {"singleton": True}}, None, id="a singleton has no second"),
        pytest.param({"web": {"replicas": 2}, "sweep": {"schedule": "@daily"}}, None, id="a run has one pod"),
        pytest.param({"web": {"replicas": 3}, "relay": {"replicas": 0}}, None, id="none of what is scaled to none"),
    ],
)
def test_pools_add_up(processes: Object, connections: int | None) -> None:
    with_commands = {name: {"command": ["order"], **each} for name, each in processes.items()}
    found = told(service(processes=with_commands, backingServices=[binding(pool=POOL)]))
    if connections is None:
        assert found == []
    else:
        (says,) = found
        assert f"may open {connections} connections to the postgresql of Secret db (order {connections})" in says
        assert "it takes 100 unless it is told otherwise" in says


def test_pools_of_services_that_share_a_database_add_up() -> None:
    one = service("order", backingServices=[binding(pool=POOL)])
    other = service("payment", backingServices=[binding(pool={"maxOpen": 26})])
    (says,) = told(one, other)
    assert "102 connections" in says
    assert "(order 50, payment 52)" in says
    apart = {**binding(pool={"maxOpen": 26}), "secret": "own"}
    assert told(one, service("payment", backingServices=[apart])) == []


def test_what_has_no_pool_or_no_known_limit_is_not_counted() -> None:
    many = {"web": {"command": ["order"], "replicas": 100}}
    assert told(service(processes=many, backingServices=[binding()])) == []
    assert told(service(processes=many, backingServices=[binding(type="mongodb", pool=POOL)])) == []
    provisioned = binding(pool=POOL, provisionedService={"apiVersion": "x/v1", "kind": "Database", "name": "main"})
    del provisioned["secret"]
    assert told(service(processes=many, backingServices=[provisioned])) == []


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        pytest.param({"version": "15"}, None, id="the same"),
        pytest.param({"version": "9"}, "postgresql 15 for shop/order and postgresql 9 for shop-dev/order", id="older"),
        pytest.param({}, None, id="none is told"),
        pytest.param({"type": "mysql"}, "postgresql 15 for shop/order and mysql for shop-dev/order", id="another kind"),
        pytest.param({"name": "other", "version": "14"}, None, id="another binding"),
    ],
)
def test_versions_are_the_same_in_every_environment(theirs: Object, says: str | None) -> None:
    found = told(
        service(backingServices=[binding(version="15")]),
        service(namespace="shop-dev", backingServices=[binding(**theirs)]),
    )
    assert found == ([f"binding db is {says}"] if says else [])


def test_a_service_that_cannot_be_read_is_left_out() -> None:
    assert told(service(**codebase("order")), service("payment", **codebase("order"), processes="none")) == []

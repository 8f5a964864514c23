"""X-1: what the teams of the example services tell the platform, and what it makes of that."""

from typing import Any

import pytest
import yaml

from tests.unit.cli.conftest import Delivery
from tests.unit.cli.test_render import ROOT

SERVICES = ("delivery", "notification", "order", "payment", "user")
Children = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def children(delivery: Delivery, request: pytest.FixtureRequest) -> Children:
    """What is made of the service that a test names: objects by kind and name."""
    ended = delivery("render", str(ROOT / f"examples/{request.param}/deliveryservice.yaml"), "-n", "shop")
    assert ended.code == 0, ended.err
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(ended.out)}


def services(children: Children) -> dict[str, list[tuple[int, Any]]]:
    return {
        name: [(port["port"], port["targetPort"]) for port in each["spec"]["ports"]]
        for (kind, name), each in children.items()
        if kind == "Service"
    }


def pod(children: Children, deployment: str) -> dict[str, Any]:
    spec: dict[str, Any] = children["Deployment", deployment]["spec"]["template"]["spec"]
    return spec


def secrets(children: Children, deployment: str) -> dict[str, str]:
    """The variables of a process that come from Secrets, with the Secret's name."""
    (container,) = pod(children, deployment)["containers"]
    from_secrets = [each for each in container["env"] if "secretKeyRef" in each.get("valueFrom", {})]
    return {each["name"]: each["valueFrom"]["secretKeyRef"]["name"] for each in from_secrets}


@pytest.mark.parametrize("name", SERVICES)
def test_admission_has_nothing_to_say(delivery: Delivery, name: str) -> None:
    ended = delivery("validate", str(ROOT / f"examples/{name}/deliveryservice.yaml"))
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_backing_services_of_all_kinds_are_attached() -> None:
    """F4-1."""
    files = (ROOT / f"examples/{name}/deliveryservice.yaml" for name in SERVICES)
    attached = {each["type"] for file in files for each in yaml.safe_load(file.read_text())["spec"]["backingServices"]}
    assert attached == {"google-maps", "kafka", "mongodb", "postgresql", "rabbitmq", "redis", "smtp", "stripe"}


@pytest.mark.parametrize("name", SERVICES)
def test_the_others_are_asked_where_they_are(name: str) -> None:
    """F7-8: a Service is not called as the DeliveryService."""
    spec = yaml.safe_load((ROOT / f"examples/{name}/deliveryservice.yaml").read_text())["spec"]
    config, calls = (spec.get(part, {}) for part in ("config", "network"))
    asked = {value["value"] for variable, value in config.items() if variable in {"ORDER_ADDRESS", "USER_ADDRESS"}}
    known = {each["service"] for each in calls.get("calls", [])} - {
        "catalogue"
    }  # a ConfigMap says whether there is one
    assert asked == {f"{each}-service:50051" for each in known}


@pytest.mark.parametrize("children", ["order"], indirect=True)
def test_orders_are_asked_for_by_grpc(children: Children) -> None:
    """SO-14."""
    assert services(children) == {"order-service": [(50051, 50051)]}
    (container,) = pod(children, "order-web")["containers"]
    assert container["readinessProbe"]["grpc"] == {"port": 50051, "service": "readiness"}
    assert secrets(children, "order-web") == {"DATABASE_URL": "db-credentials", "KAFKA_BROKERS": "kafka"}
    (migrator,) = children["Job", "order-r1-migrate"]["spec"]["template"]["spec"]["containers"]
    assert migrator["command"] == ["order", "migrate"]


@pytest.mark.parametrize("children", ["payment"], indirect=True)
def test_payments_are_asked_for_by_http(children: Children) -> None:
    """SP-11."""
    assert services(children) == {"payment-service": [(80, 8080)]}
    (container,) = pod(children, "payment-web")["containers"]
    assert secrets(children, "payment-web") == {
        "DATABASE_URL": "payment-db",
        "STRIPE_API_BASE": "payment-stripe",
        "STRIPE_API_KEY": "payment-stripe",
        "STRIPE_WEBHOOK_SECRET": "payment-stripe",
    }
    assert [probe["httpGet"]["path"] for probe in (container["livenessProbe"], container["readinessProbe"])] == [
        "/healthz",
        "/readyz",
    ]


@pytest.mark.parametrize("children", ["delivery"], indirect=True)
def test_nobody_asks_those_who_give_orders_their_couriers(children: Children) -> None:
    """SD-11."""
    assert services(children) == {"delivery-service": [(80, 8080)]}
    bound = secrets(children, "delivery-worker")
    assert (bound["KAFKA_BROKERS"], bound["REDIS_ADDR"]) == ("kafka", "redis")


@pytest.mark.parametrize("children", ["notification"], indirect=True)
def test_nobody_asks_those_who_notify(children: Children) -> None:
    """SN-13."""
    assert services(children) == {}
    for process in ("worker", "dispatch"):
        assert pod(children, f"notification-{process}")["terminationGracePeriodSeconds"] > 10
    assert secrets(children, "notification-worker")["AMQP_URL"] == "rabbitmq"


@pytest.mark.parametrize("children", ["user"], indirect=True)
def test_users_are_asked_for_by_grpc(children: Children) -> None:
    """SU-7."""
    assert services(children) == {"user-service": [(50051, 50051)]}
    assert secrets(children, "user-web")["MONGO_URL"] == "mongodb"
    (migrator,) = children["Job", "user-r1-migrate"]["spec"]["template"]["spec"]["containers"]
    assert migrator["command"] == ["user", "migrate"]

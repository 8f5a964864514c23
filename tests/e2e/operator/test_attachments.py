"""What the order service is attached to is said by a Secret's name, and by nothing else."""

import json
import secrets
from collections.abc import Iterator

import pytest

from demo import backing, shop
from tests.support.kube import wait_for
from tests.support.node import OrderShop

OTHER = "books"
CREDENTIALS = f"{OTHER}-credentials"


@pytest.fixture
def other(order: OrderShop) -> Iterator[str]:
    """Another PostgreSQL, empty; gives the name of the Secret that says where it is."""
    password = secrets.token_urlsafe(24)
    url = f"postgres://order:{password}@{OTHER}.{shop.NAMESPACE}:5432/order"
    data = {"username": "order", "password": password, "url": url}
    metadata = {"name": CREDENTIALS, "namespace": shop.NAMESPACE}
    backing.apply(order.tools, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
    server = (backing.FOLDER / "postgresql.yaml").read_text()
    manifest = server.replace(backing.DATABASE, CREDENTIALS).replace(": postgresql", f": {OTHER}")
    order.kubectl("apply", "-f", "-", manifest=manifest)
    try:
        order.kubectl("rollout", "status", f"statefulset/{OTHER}", backing.READY)
        yield CREDENTIALS
        order.restore()  # before what it is attached to goes
    finally:
        order.kubectl("delete", "-f", "-", "--wait=false", manifest=manifest)
        order.kubectl("delete", "secret", CREDENTIALS)


@pytest.mark.timeout(600)
def test_another_database_takes_its_place_by_its_secret_alone(order: OrderShop, other: str) -> None:
    """F4-3: the same image, a new release that is migrated there; from then on orders are written there."""
    before = order.newest_release()
    first = placed(order)
    order.attach("db", other)
    order.wait_ready(before["spec"]["image"])
    order.wait_gone(before["spec"]["number"])
    release = order.newest_release()
    assert release["spec"]["number"] == before["spec"]["number"] + 1
    assert release["status"]["migration"]["result"] == "Succeeded"
    second = placed(order)
    assert written(order, "postgresql") & {first, second} == {first}
    assert written(order, OTHER) == {second}
    wait_for(lambda: told(order), "the other database's outbox to be told to Kafka", 60, order.explain)


def placed(order: OrderShop) -> str:
    (_, answer), _ = shop.call(order.tools)
    return str(json.loads(answer)["id"])


def written(order: OrderShop, server: str) -> set[str]:
    return {order_id for (order_id,) in order.rows("order", "SELECT id FROM orders", server)}


def told(order: OrderShop) -> bool:
    ((left,),) = order.rows("order", "SELECT count(*) FROM outbox", OTHER)
    return left == "0"

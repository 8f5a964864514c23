"""A database's password is rotated as docs/how-to/rotate-a-secret.md says, with a real database and real calls."""

import base64
import json
from collections.abc import Iterator

import pytest

from demo import backing
from devcluster.errors import ToolError
from tests.support.kube import wait_for
from tests.support.node import OrderShop

ROLE, PASSWORD = "order_2", "new-secret"
CONNECTED = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'order' AND client_addr IS NOT NULL"


@pytest.fixture
def first(order: OrderShop) -> Iterator[str]:
    """The URL with the password that the server was made with; what a test does to both is undone."""
    secret = json.loads(order.kubectl("get", "secret", backing.DATABASE, "-o", "json"))["data"]
    url, password = (base64.b64decode(secret[key]).decode() for key in ("url", "password"))
    yield url
    order.rows("order", f"ALTER ROLE \"order\" PASSWORD '{password}'")
    before = order.newest_release()["spec"]["number"]
    write(order, url)
    wait_for(lambda: safe_since(order, before), "the first password to be back", 120, order.explain)
    order.rows("order", f"DROP ROLE {ROLE}")


@pytest.mark.timeout(600)
def test_a_password_is_rotated_and_the_old_one_revoked_under_calls(order: OrderShop, first: str) -> None:
    """F3-11: no call fails, and nobody is connected by the old password when the status says that it may go."""
    before = order.newest_release()["spec"]["number"]
    order.rows("order", f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE \"order\"")
    order.rows("order", f"ALTER ROLE {ROLE} SET role TO 'order'")
    with order.load(rate=20) as result:
        assert connected(order) == {"order"}
        write(order, f"postgres://{ROLE}:{PASSWORD}@postgresql.shop:5432/order")
        wait_for(lambda: safe_since(order, before), "the old password to be safe to revoke", 180, order.explain)
        assert connected(order) == {ROLE}
        assert enters(order, first)
        order.rows("order", 'ALTER ROLE "order" PASSWORD NULL')
        assert not enters(order, first)
    assert result["errors"] == []
    order.kubectl("delete", "pod", "-l", "delivery.dev/service=order,delivery.dev/process")
    order.wait_ready()
    order.call()
    assert order.newest_release()["spec"]["number"] == before + 1, "one release for one change"


def write(order: OrderShop, url: str) -> None:
    change = json.dumps({"stringData": {"url": url}})
    order.kubectl("patch", "secret", backing.DATABASE, "--type=merge", "-p", change)


def safe_since(order: OrderShop, release: int) -> bool:
    """Whether a later release is there, and no pod holds what Secrets said before it."""
    told = order.service()["status"].get("rotation") or []
    return any(each["release"] != f"order-r{release}" and each["safeToRevoke"] for each in told)


def connected(order: OrderShop) -> set[str]:
    return {user for (user,) in order.rows("order", CONNECTED)}


def enters(order: OrderShop, url: str) -> bool:
    """Whether the server lets in who comes with this URL over the network."""
    try:
        order.kubectl("exec", "postgresql-0", "--", "psql", "-qAt", url, "-c", "SELECT 1")
    except ToolError:
        return False
    return True

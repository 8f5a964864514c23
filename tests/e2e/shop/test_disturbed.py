"""Many orders through all five services on real pods, while those and what they are attached to die."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.kube import wait_for
from tests.support.whole_shop import ROLLED, SERVICES, WholeShop

Tell = Callable[[str, object], None]
RATE_UNDER_KILLS = 0.65
"""Orders a second: with three pods that start anew every ten seconds, what two processors do of five services."""
KILL_SECONDS = 10
RATE_UNDER_RESTARTS = 4.0
ORDERS_OF_A_USER = 10
"""Of one, at most: who gets more mails than a few a minute gets them later."""
MAILS = 4
"""Of each order: placed, paid, on its way, delivered."""

NOTIFICATIONS = "SELECT status, count(*) FROM notifications GROUP BY status"


def settled(whole: WholeShop, accepted: list[str]) -> dict[str, object]:
    """Wait until nothing of these orders is under way any more, hold the stores to it, and give what they counted."""
    placed = set(accepted)
    wait_for(
        lambda: whole.statuses(placed) == {"delivered": len(placed)},
        "every order delivered",
        180,
        lambda: f"{whole.statuses(placed)}",
    )
    wait_for(
        lambda: whole.mails(placed).total() >= MAILS * len(placed),
        "every mail",
        300,
        lambda: f"{whole.mails(placed)}, {whole.rows('notification', NOTIFICATIONS)}",
    )
    payments, captured = whole.payments(placed), whole.captured(placed)
    couriers, mails = whole.couriers(placed), whole.mails(placed)
    assert payments == {"succeeded": len(placed)}
    assert captured == {1: len(placed)}, "paid once"
    assert couriers == {1: len(placed)}, "assigned once"
    assert mails == {1: MAILS * len(placed)}, "told once"
    return {
        "orders delivered (PostgreSQL)": whole.statuses(placed)["delivered"],
        "payments succeeded (PostgreSQL)": payments["succeeded"],
        "captured once (Stripe)": captured[1],
        "given to one courier (Kafka)": couriers[1],
        "mails of which each came once": mails[1],
    }


def timing(result: dict[str, Any]) -> tuple[float, dict[str, float], dict[str, int]]:
    """How long it took, and what customers had to repeat."""
    return result["seconds"], result["of an order"], result["repeated"]


@pytest.mark.timeout(5400)
def test_orders_while_services_are_rolled_and_killed(whole: WholeShop, orders: int, seed: int, tell: Tell) -> None:
    """F9-5, F9-8, X-7: every accepted order is paid once, assigned once, told of once; none is lost.

    Pods are killed until the last order has been brought.
    """
    users = whole.users(max(1, orders // ORDERS_OF_A_USER))
    with whole.kills(ROLLED, KILL_SECONDS, seed) as killed, whole.customers(orders, RATE_UNDER_KILLS, users) as result:
        for version in ("v1.1.0", "v1.0.0"):
            for service in ROLLED:
                whole.upgrade(service, version)
            whole.wait_ready(*ROLLED, seconds=400)
    tell("pods killed", dict(killed))
    tell("seconds, of an order, what was asked again", timing(result))
    whole.wait_ready()
    assert result["lost"] == []
    assert len(result["accepted"]) == orders
    tell("orders under releases and kills", settled(whole, result["accepted"]))
    assert min(killed[each] for each in ROLLED) >= result["seconds"] / KILL_SECONDS / 2, "until the end"


@pytest.mark.timeout(5400)
def test_orders_while_each_backing_service_is_restarted(whole: WholeShop, orders: int, tell: Tell) -> None:
    """F9-8: services recover by themselves; nothing is lost, and nothing happens twice."""
    servers = ("postgresql", "kafka", "redis", "rabbitmq", "mongodb")
    users = whole.users(max(1, orders // ORDERS_OF_A_USER))
    with whole.customers(orders, RATE_UNDER_RESTARTS, users) as result:
        for server in servers:
            whole.restart(server)
    tell("seconds, of an order, what was asked again", timing(result))
    assert result["lost"] == []
    assert len(result["accepted"]) == orders
    tell("orders under restarts of every server", settled(whole, result["accepted"]))
    whole.wait_ready(*SERVICES)

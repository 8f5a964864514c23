"""Invariant 10: a namespace that is gone, or lost the operator's Role, takes no other with it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.support import shop
from tests.support.kube import wait_for
from tests.support.operator import OperatorProcess, free_port, let_in
from tests.support.site import Site

GONE = "deleted-long-ago"
RIGHTS = "RoleBinding"


def order(site: Site) -> None:
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))


def closed(operator: OperatorProcess, number: int) -> bool:
    return f"\ndelivery_operator_namespaces_closed {number:.1f}\n" in operator.read("/metrics")


def test_the_others_are_served_and_it_again_when_it_is_back(
    open_site: Callable[[], AbstractContextManager[Site]],
) -> None:
    """The operator starts while one namespace does not exist; then another loses the Role, and has it again."""
    with open_site() as home, open_site() as guest:
        let_in(home.namespace, guest.kube, guest.namespace)
        namespaces = f"{GONE},{home.namespace},{guest.namespace}"
        port = str(free_port())
        operator = home.start(namespaces=namespaces, resync_seconds="3", http_port=port)
        for site in (home, guest):
            order(site)
        for site in (home, guest):
            shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
        assert closed(operator, 1), operator.log()

        binding = guest.kube.get(RIGHTS, guest.namespace, "guest")
        guest.kube.delete(RIGHTS, guest.namespace, "guest")
        wait_for(lambda: closed(operator, 2), "its closing to be noticed", 60, operator.log)
        before = len(home.writes())
        for site in (home, guest):
            site.edit(image=f"{shop.IMAGE}:v1.1.0")
        shop.wait_ready(home.kube, home.namespace, "order-r2", seconds=60)
        home.wait_for_lists(2)
        tried = [event for event in home.writes()[before:] if event["objectRef"].get("namespace") == guest.namespace]
        assert tried == [], "nothing is tried where it has no rights"

        guest.kube.create({**binding, "metadata": {"name": "guest", "namespace": guest.namespace}})
        shop.wait_ready(guest.kube, guest.namespace, "order-r2", seconds=60)
        assert closed(operator, 1)
        assert operator.running()
        assert len(operator.events(lambda event: event["message"] == "started")) == 1

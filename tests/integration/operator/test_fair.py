"""Invariant 10: what goes wrong in one namespace delays no other."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from delivery_operator.cluster.api import TIMEOUT_SECONDS
from tests.support import shop
from tests.support.kube import wait_for
from tests.support.operator import OperatorProcess, let_in
from tests.support.site import Site

WORKERS = 4
SERVICES = 10


def test_a_namespace_whose_writes_hang_does_not_hold_up_another(
    open_site: Callable[[], AbstractContextManager[Site]],
) -> None:
    """A webhook of a third party that never answers, say: each write of that namespace takes until its timeout."""
    with open_site() as quiet, open_site() as noisy, quiet.proxied() as (proxy, through_proxy):
        let_in(quiet.namespace, noisy.kube, noisy.namespace)
        both = f"{quiet.namespace},{noisy.namespace}"
        operator = quiet.start(through_proxy, namespaces=both, workers=str(WORKERS))
        wait_for(lambda: operator.says("started"), "the start", 60, operator.log)
        for site in (quiet, noisy):
            site.kube.create(shop.secret(site.namespace))
        with proxy.jammed(f"/namespaces/{noisy.namespace}/"):
            for number in range(SERVICES):
                body = shop.service(noisy.namespace)
                noisy.kube.create({**body, "metadata": {**body["metadata"], "name": f"order-{number}"}})

            def stuck() -> bool:
                return sum("deliveryreleases" in each for each in proxy.writes) >= WORKERS

            wait_for(stuck, "every worker to wait for an answer", 60, operator.log)
            quiet.kube.create(shop.service(quiet.namespace))
            wait_for(lambda: told(operator, "release cut"), "the other's release", TIMEOUT_SECONDS, operator.log)
            assert told(operator, "release cut")[0] == quiet.namespace
            assert told(operator, "api server did not serve a request") == [], "no worker had come free yet"
        shop.wait_ready(quiet.kube, quiet.namespace, "order-r1", seconds=60)


def told(operator: OperatorProcess, message: str) -> list[str]:
    """The namespaces of the events with this message, in order."""
    return [event["namespace"] for event in operator.events() if event["message"] == message]

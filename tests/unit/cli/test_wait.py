"""`wait` after `retry`: the status is still that of the failure when the operator has not begun."""

import threading
from typing import Any

from delivery_operator.cluster.resources import SERVICES
from tests.support.kube import wait_for
from tests.unit.cli import world
from tests.unit.cli.apiserver import Server
from tests.unit.cli.conftest import Delivery

PATH = SERVICES.path("shop", "order")


def retried() -> dict[str, Any]:
    body = world.service()
    return {**body, "metadata": {**body["metadata"], "annotations": {"delivery.dev/retry": "order-r2"}}}


def test_a_failure_that_is_to_be_retried_is_waited_for(server: Server, delivery: Delivery) -> None:
    server.put(SERVICES, retried())

    def begin() -> None:
        """As the operator does, when the failure has been looked at twice."""
        wait_for(lambda: len(server.queries.get(PATH, ())) > 1, "two looks", 30)
        server.put(SERVICES, world.ready())

    operator = threading.Thread(target=begin)
    operator.start()
    ended = delivery("wait", "order", "--timeout", "30s")
    operator.join()
    assert (ended.code, ended.out) == (0, "order: Serving: release order-r1 serves\n")


def test_a_retry_that_cannot_begin_is_not_waited_for(server: Server, delivery: Delivery) -> None:
    """The template of today is broken, say: that does not pass by itself."""
    body = retried()
    why = {"type": "Stalled", "status": "True", "reason": "TemplateInvalid", "message": "template job.yaml.j2, line 3"}
    others = [each for each in body["status"]["conditions"] if each["type"] != "Stalled"]
    server.put(SERVICES, {**body, "status": {**body["status"], "conditions": [*others, {**others[0], **why}]}})
    ended = delivery("wait", "order", "--timeout", "30s")
    assert ended.code == 1
    assert ended.err.startswith("order is Stalled: ")


def test_a_failure_that_nobody_retries_is_the_answer(server: Server, delivery: Delivery) -> None:
    server.put(SERVICES, world.service())
    ended = delivery("wait", "order", "--timeout", "30s")
    assert ended.code == 1
    assert ended.err.startswith("order is Stalled: ")

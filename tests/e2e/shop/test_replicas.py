"""Replicas on real pods take each other's place: what one began, another goes on with."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from demo import images, shop, story
from devcluster.errors import DevclusterError
from tests.support.kube import Object, condition, wait_for
from tests.support.whole_shop import HERE, WholeShop

DATABASE = "notification"
HOLD = "BEGIN; LOCK TABLE notifications IN SHARE MODE; SELECT pg_sleep(300)"
HOLDS = "FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK TABLE notifications%' AND wait_event = 'PgSleep'"
WAITING = (
    "SELECT host(client_addr) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


def test_a_session_of_one_replica_goes_on_at_another(whole: WholeShop) -> None:
    """F6-6: begun at one, read and ended at the other, and ended for both."""
    one, other = (f"{pod['status']['podIP']}:{shop.PORT}" for pod in whole.pods("user"))
    image = f"{images.REGISTRY}/user:{images.VERSIONS[0]}"
    said = whole.run("sessions", image, HERE / "sessions.py", {"ONE": one, "OTHER": other})
    result = json.loads(said)
    assert result["read"]["userId"] == result["user"]
    assert result["afterwards"] == "NOT_FOUND"


@pytest.mark.parametrize("seconds", [3, 12])
def test_a_worker_that_is_told_to_go_ends_its_job_or_gives_it_back(whole: WholeShop, seconds: int) -> None:
    """F9-5, F9-6: SIGTERM when a job takes so much longer, and a worker has ten seconds: the job is done once."""
    customer = story.Customer(whole.tools)
    user = customer.sign_up()
    with held(whole):
        order_id = customer.order(user)["id"]
        worker = wait_for(lambda: waiting(whole), "a worker to be at it", 60, whole.explain)
        name = worker["metadata"]["name"]
        whole.kubectl("delete", "pod", name, "--wait=false")
        whole.rows(DATABASE, f"SELECT pg_sleep({seconds})")
    wait_for(lambda: whole.mails({order_id}), "the mail", 90, whole.explain)
    wait_for(lambda: whole.kube.find("Pod", shop.NAMESPACE, name) is None, f"{name} to go", 60, whole.explain)
    whole.wait_ready("notification")
    assert whole.mails({order_id}) == {1: 1}
    found = whole.kube.get("DeliveryService", shop.NAMESPACE, "notification")
    assert condition(found, "ShutdownClean")["status"] == "True", found["status"]["shutdown"]


@contextmanager
def held(whole: WholeShop) -> Iterator[None]:
    """Let nobody write what became of notifications: who has to is at it until the context ends."""

    def hold() -> None:
        with suppress(DevclusterError):  # it is ended from outside
            whole.rows(DATABASE, HOLD)

    thread = threading.Thread(target=hold, name="hold")
    thread.start()
    try:
        wait_for(lambda: whole.rows(DATABASE, f"SELECT pid {HOLDS}"), "the lock", 30)
        yield
    finally:
        whole.rows(DATABASE, f"SELECT pg_terminate_backend(pid) {HOLDS}")
        thread.join()


def waiting(whole: WholeShop) -> Object | None:
    """The worker that waits for the lock."""
    addresses = [address for (address,) in whole.rows(DATABASE, WAITING)]
    at_it = [each for each in whole.pods("notification") if each["status"].get("podIP") in addresses]
    return at_it[0] if at_it else None

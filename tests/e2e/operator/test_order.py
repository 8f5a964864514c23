"""The order service on real pods, against a real PostgreSQL, in good times and bad."""

from datetime import UTC, datetime, timedelta

import pytest

from demo import install, shop
from devcluster.errors import ToolError
from tests.support.kube import condition, wait_for
from tests.support.node import OrderShop


def test_a_call_through_the_service_is_answered(order: OrderShop) -> None:
    order.call()


def test_what_kubectl_shows(order: OrderShop) -> None:
    header, row = order.kubectl("get", "deliveryservices").splitlines()
    assert header.split() == ["NAME", "READY", "RELEASE", "IMAGE", "PROCESSES", "AGE"]
    assert row.split()[:2] == ["order", "True"]
    assert "web=2" in row
    order.kubectl("wait", "--for=condition=Ready", "deliveryservice/order", "--timeout=5s")
    header, *rows = order.kubectl("get", "deliveryreleases").splitlines()
    assert header.split() == ["NAME", "SERVICE", "PHASE", "IMAGE", "MIGRATION", "AGE"]
    assert any("Active" in row and "Succeeded" in row for row in rows)


@pytest.mark.timeout(400)
def test_a_healthy_service_is_left_alone_for_a_minute_and_by_a_restart(order: OrderShop) -> None:
    """Invariant 2: no write in 60 s, four resyncs among them, and none when the other replica takes over."""
    order.wait_gone(order.newest_release()["spec"]["number"] - 1)
    order.wait_for_resyncs(2, seconds=90)  # how old pods ended is told after the first
    begun = datetime.now(UTC)
    order.wait_for_resyncs(4, seconds=90)
    assert (datetime.now(UTC) - begun).total_seconds() > 45
    assert order.operator_writes(begun) == []
    killed = order.operator_pod()
    restarted = datetime.now(UTC)
    order.tools.kubectl("delete", "pod", killed, "-n", install.NAMESPACE, "--grace-period=0", "--force")
    wait_for(lambda: order.operator_pod() not in {"", killed}, "another leader", 60)
    order.wait_for_resyncs(3, seconds=120)
    assert order.operator_writes(restarted) == []


@pytest.mark.timeout(600)
def test_an_upgrade_under_load_fails_no_call(order: OrderShop) -> None:
    """50 calls/s throughout; the migration ends before the first new pod starts; old pods serve until new ones do."""
    before = order.newest_release()["spec"]["number"]
    with order.load(rate=50) as result:
        order.upgrade("v1.1.0")
        order.wait_ready("registry.example.com/shop/order:v1.1.0")
        order.wait_gone(before, seconds=90)
    assert result["errors"] == []
    assert result["calls"] > 50 * 5
    release = order.newest_release()
    assert release["spec"]["number"] == before + 1
    job = order.get("job", f"order-r{before + 1}-migrate")
    started = [pod["status"]["startTime"] for pod in order.pods(before + 1)]
    assert job["status"]["completionTime"] <= min(started)


@pytest.mark.timeout(400)
def test_a_failed_migration_leaves_the_old_release_serving_and_says_why(order: OrderShop) -> None:
    before = order.newest_release()["spec"]["number"]
    head = order.schema()
    order.set_schema("from-the-future")
    try:
        order.patch({"image": "registry.example.com/shop/order:v1.1.0", "release": {"migrate": {"backoffLimit": 0}}})
        found = order.wait_reason("MigrationFailed")
    finally:
        order.set_schema(head)
    message = condition(found, "Ready")["message"]
    assert "exit code 1" in message
    assert "from-the-future" in message
    assert condition(found, "MigrationSucceeded")["status"] == "False"
    assert condition(found, "Stalled")["status"] == "True"
    failed = order.newest_release()
    assert failed["status"]["phase"] == "Failed"
    assert failed["status"]["migration"]["exitCode"] == 1
    assert order.pods(failed["spec"]["number"]) == []
    assert order.whole(before)
    order.call()


@pytest.mark.timeout(400)
def test_an_image_that_cannot_be_pulled_takes_nothing_down(order: OrderShop) -> None:
    order.patch({"image": "registry.invalid/shop/order:v9.9.9", "release": {"migrate": None}})
    found = order.wait_reason("ImagePullFailed")
    assert "registry.invalid/shop/order:v9.9.9" in condition(found, "Ready")["message"]
    assert "serves" in condition(found, "Ready")["message"]
    order.call()


@pytest.mark.timeout(400)
def test_a_crash_loop_is_told_with_its_exit_code_and_takes_nothing_down(order: OrderShop) -> None:
    order.patch({"processes": {"web": {"command": ["order", "no-such-command"]}}, "release": {"migrate": None}})
    found = order.wait_reason("CrashLoop")
    assert "exits with code" in condition(found, "Ready")["message"]
    assert "no-such-command" in condition(found, "Ready")["message"]
    order.call()


@pytest.mark.timeout(400)
def test_a_missing_secret_is_named_and_heals_within_seconds(order: OrderShop) -> None:
    order.patch({"config": {"CARRIER": {"secretKeyRef": {"name": "carrier", "key": "token"}}}})
    found = order.wait_reason("SecretMissing")
    assert "Secret carrier does not exist (needed for CARRIER)" in condition(found, "ConfigReady")["message"]
    order.call()
    order.kubectl("create", "secret", "generic", "carrier", "--from-literal=token=abcdefgh")
    try:
        wait_for(lambda: condition(order.service(), "ConfigReady")["status"] == "True", "the Secret to be seen", 15)
        order.wait_ready()
        order.patch({"config": {"CARRIER": None}})
        order.wait_ready()
    finally:
        order.kubectl("delete", "secret", "carrier")


@pytest.mark.timeout(600)
def test_an_operator_killed_in_the_middle_of_an_upgrade_finishes_it(order: OrderShop) -> None:
    order.upgrade("v1.1.0")
    wait_for(lambda: order.service()["status"].get("phase") in {"Migrating", "RollingOut"}, "the upgrade to begin", 60)
    killed = order.operator_pod()
    order.tools.kubectl("delete", "pod", killed, "-n", install.NAMESPACE, "--grace-period=0", "--force")
    order.wait_ready("registry.example.com/shop/order:v1.1.0")
    release = order.newest_release()
    job = order.get("job", f"{release['metadata']['name']}-migrate")
    assert job["metadata"]["uid"] == release["status"]["migration"]["uid"]
    assert job["status"]["succeeded"] == 1
    assert "failed" not in job["status"]
    order.call()


@pytest.mark.timeout(600)
def test_an_api_server_that_was_away_for_a_minute_is_caught_up_with(order: OrderShop) -> None:
    order.cluster.stop_component("kube-apiserver")
    back = datetime.now(UTC) + timedelta(minutes=1)
    try:
        # The running release needs no API server: what is stopped here is the place where changes are made.
        wait_for(lambda: datetime.now(UTC) > back and _deaf(order), "a minute without the API server", 90)
    finally:
        order.cluster.start_component("kube-apiserver")
    wait_for(lambda: order.get("deliveryservice", "order"), "the API server to be back", 60)
    # It refuses to judge services until it knows the environments that its policy reads, up to half a minute.
    wait_for(lambda: _admits(order), "the API server to admit services", 90)
    before = order.newest_release()["spec"]["number"]
    order.upgrade("v1.1.0")
    order.wait_ready("registry.example.com/shop/order:v1.1.0", seconds=180)
    # Kubernetes's controllers look again up to a minute later. A Deployment that goes and is made again before that is
    # one and the same to the garbage collector, and the ReplicaSets of the one that went stay, with pods that serve.
    order.wait_gone(before)
    went = _names(order, before + 1)
    order.kubectl("delete", "deployment", "order-web", "--wait=false")
    wait_for(lambda: not _names(order, before + 1) & went, "the pods of the Deployment that was deleted to go", 120)
    wait_for(lambda: order.whole(before + 1), "pods of the Deployment that was made again", 60, order.explain)
    order.wait_ready()
    order.call()


def _names(order: OrderShop, release: int) -> set[str]:
    return {pod["metadata"]["name"] for pod in order.pods(release, "web")}


def _admits(order: OrderShop) -> bool:
    try:
        order.kubectl("label", "deliveryservice", "order", "admitted=yes", "--dry-run=server")
    except ToolError as error:
        if shop.learning(error):
            return False
        raise
    return True


def _deaf(order: OrderShop) -> bool:
    return order.get("deliveryservice", "order") is None

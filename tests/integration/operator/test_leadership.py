"""Two replicas: one leads, the other is ready and takes over; a deposed one writes nothing (invariants 1 and 3)."""

from collections.abc import Callable
from datetime import UTC, datetime

from delivery_operator.cluster.resources import LEASES
from delivery_operator.runtime.leadership import RENEW_SECONDS, RETRY_SECONDS
from delivery_operator.runtime.settings import LEASE
from tests.support import shop
from tests.support.kube import Object, wait_for
from tests.support.operator import POD, OperatorProcess, renews, user
from tests.support.site import Site

STANDBY = "operator-1"
LONG = 90
"""Seconds for what is no matter of this page."""
Record = Callable[[str, object], None]


def lease(site: Site) -> Object:
    return dict(site.kube.get(LEASES, site.namespace, LEASE)["spec"])


def holder(site: Site) -> str:
    return str(lease(site).get("holderIdentity") or "")


def wait_leads(operator: OperatorProcess) -> None:
    """Wait until it works."""
    wait_for(lambda: operator.says("started"), "this one to work", LONG, operator.log)


def when(operator: OperatorProcess, message: str) -> datetime:
    """The time at which it logged this event for the first time."""
    return datetime.fromisoformat(operator.events(lambda event: event["message"] == message)[0]["timestamp"])


def two(site: Site, kubeconfig: Object | None = None) -> tuple[OperatorProcess, OperatorProcess]:
    """Start a leader, with this kubeconfig, and one that stands by."""
    leader = site.start(kubeconfig, resync_seconds="5")
    wait_leads(leader)
    standby = site.start(pod=STANDBY, resync_seconds="5")
    wait_for(lambda: standby.says("standing by"), "the other to stand by", LONG, standby.log)
    return leader, standby


def release_order(site: Site) -> None:
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=LONG)


def upgrade(site: Site, version: str) -> None:
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:{version}"}})


def test_one_works_and_the_other_is_ready_and_does_nothing(site: Site) -> None:
    """The one write of both at rest is the renewal of the lease."""
    leader, standby = two(site)
    release_order(site)
    site.wait_for_lists(4)
    before = len(site.writes())
    site.wait_for_lists(4)
    assert site.writes()[before:] == []
    assert holder(site) == POD
    assert not standby.says("release cut")
    verbs = {
        event["verb"]
        for event in site.cluster.audit_events(site.began)
        if renews(event, site.namespace) and event["user"]["username"] == user(site.namespace)
    }
    assert verbs == {"get", "create", "update"}
    assert leader.stop() == standby.stop() == 0


def test_a_killed_operator_that_is_started_again_goes_on_at_once(site: Site) -> None:
    """The container is restarted in its pod: the process before it is certainly dead."""
    operator = site.start()
    wait_leads(operator)
    term = lease(site)["leaseTransitions"]
    operator.kill()
    again = site.start()
    wait_leads(again)
    assert (when(again, "leading") - when(again, "lease seen")).total_seconds() < RETRY_SECONDS
    assert lease(site)["leaseTransitions"] == term + 1


def test_on_sigterm_the_other_takes_over_within_seconds(site: Site, record_testsuite_property: Record) -> None:
    """And what is asked for meanwhile is done by it, with nothing written anew for what was well."""
    leader, standby = two(site)
    release_order(site)
    site.wait_for_lists(3)
    before = len(site.writes())
    leader.terminate()
    wait_leads(standby)
    assert leader.wait(LONG) == 0
    seconds = (when(standby, "started") - when(leader, "stopping")).total_seconds()
    record_testsuite_property("seconds to take over after SIGTERM", round(seconds, 2))
    assert leader.says("lease given back")
    assert seconds < RENEW_SECONDS, "long before the lease would have ended"
    assert holder(site) == STANDBY
    site.wait_for_lists(2)
    assert site.writes()[before:] == []
    upgrade(site, "v1.1.0")
    shop.wait_ready(site.kube, site.namespace, "order-r2", seconds=LONG)
    assert standby.says("release cut")


def test_after_a_kill_the_other_takes_over_when_the_lease_has_ended(
    site: Site, record_testsuite_property: Record
) -> None:
    leader, standby = two(site)
    release_order(site)
    killed = datetime.now(UTC)
    leader.kill()
    upgrade(site, "v1.1.0")
    wait_leads(standby)
    seconds = (when(standby, "started") - killed).total_seconds()
    record_testsuite_property("seconds to take over after SIGKILL", round(seconds, 2))
    assert seconds > RENEW_SECONDS, "not before the one that was killed would have ended by itself"
    shop.wait_ready(site.kube, site.namespace, "order-r2", seconds=LONG)


def test_what_a_leader_has_sent_is_given_up_before_another_begins(site: Site) -> None:
    """Its writes are on their way for as long as it leads and longer; none arrives once it does not."""
    with site.proxied() as (proxy, through_proxy):
        leader, standby = two(site, through_proxy)
        site.kube.create(shop.secret(site.namespace))
        with proxy.jammed():
            arrived = len(proxy.forwarded)
            proxy.begin(None)
            site.kube.create(shop.service(site.namespace))
            wait_for(
                lambda: any("deliveryreleases" in each for each in proxy.writes), "its write to be under way", LONG
            )
            assert leader.wait(LONG) == 1
            assert leader.says("stopped: lease lost")
            wait_leads(standby)
            assert when(leader, "stopping") < when(standby, "leading"), "the one that was deposed knows it first"
            shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=LONG)
        site.wait_for_lists(2)
        assert proxy.forwarded[arrived:] == []
    assert len(site.kube.list("DeliveryRelease", site.namespace)) == 1


def test_a_leader_that_is_cut_off_ends_and_comes_back_as_one_that_stands_by(site: Site) -> None:
    with site.proxied() as (proxy, through_proxy):
        leader, standby = two(site, through_proxy)
        release_order(site)
        proxy.cut_off()
        upgrade(site, "v1.1.0")
        assert leader.wait(LONG) == 1
        again = site.start(through_proxy)
        wait_leads(standby)
        assert when(leader, "stopping") < when(standby, "leading")
        shop.wait_ready(site.kube, site.namespace, "order-r2", seconds=LONG)
        proxy.let_through()
        wait_for(lambda: again.says("standing by"), "it to stand by", LONG, again.log)
        assert holder(site) == STANDBY


def test_a_leader_that_stood_still_writes_nothing_when_it_goes_on(site: Site) -> None:
    """SIGSTOP for longer than a lease; meanwhile another has begun, and there is something to write."""
    with site.proxied() as (proxy, through_proxy):
        leader, standby = two(site, through_proxy)
        release_order(site)
        leader.freeze()
        try:
            wait_leads(standby)
            arrived = len(proxy.forwarded)  # what it had sent before it stood still has arrived by now
            upgrade(site, "v1.1.0")
            site.kube.delete("Deployment", site.namespace, "order-relay")
        finally:
            leader.thaw()
        assert leader.wait(LONG) == 1
        assert proxy.forwarded[arrived:] == []
        shop.wait_ready(site.kube, site.namespace, "order-r2", seconds=LONG)
        assert site.kube.find("Deployment", site.namespace, "order-relay")


def test_a_stolen_lease_ends_the_leader(site: Site) -> None:
    operator = site.start()
    wait_leads(operator)
    thief = {"spec": {"holderIdentity": "thief", "leaseTransitions": 99}}
    site.kube.patch(LEASES, site.namespace, LEASE, thief)
    assert operator.wait(LONG) == 1
    assert "thief holds the lease now" in operator.log()


def test_a_lease_that_was_deleted_is_made_anew(site: Site) -> None:
    leader, standby = two(site)
    before = site.kube.get(LEASES, site.namespace, LEASE)["metadata"]["uid"]
    site.kube.delete(LEASES, site.namespace, LEASE)

    def anew() -> bool:
        found = site.kube.find(LEASES, site.namespace, LEASE)
        return found is not None and found["metadata"]["uid"] != before

    wait_for(anew, "the lease to be made anew", LONG)
    assert holder(site) == POD
    assert leader.running()
    assert not standby.says("started")

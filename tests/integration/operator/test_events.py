"""Events on a real API server: what `kubectl describe deliveryservice` tells, and that nothing depends on it."""

import re

from tests.support import shop
from tests.support.kube import Object, wait_for
from tests.support.kubelet import Exits, usual
from tests.support.site import Site


def story(site: Site) -> list[str]:
    """The lines under "Events:" as kubectl prints them, without the column of ages."""
    described = site.cluster.kubectl("describe", "deliveryservice", "order", "-n", site.namespace)
    _, _, lines = described.partition("Events:")
    return [
        re.sub(r"^(\S+)\s+(\S+)\s+.*?\s+delivery-operator\s+", r"\1 \2: ", line.strip())
        for line in lines.strip().splitlines()[2:]
    ]


def wait_told(site: Site, reason: str, count: int = 1) -> list[str]:
    """Wait until the service's last Event has this reason; Events come a moment after what they tell of."""

    def told() -> list[str] | None:
        found = story(site)
        return found if len(found) >= count and found[-1].split(": ")[0].endswith(f" {reason}") else None

    return wait_for(told, f"{count} events, the last with the reason {reason}", 30, lambda: story(site))


def image(site: Site, tag: str) -> None:
    site.kube.patch("DeliveryService", site.namespace, "order", {"spec": {"image": f"{shop.IMAGE}:{tag}"}})


def test_describe_tells_the_story_of_a_service(site: Site) -> None:
    """One line for each change of meaning, in order; no secret value in any of them (invariants 2 and 8)."""
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    site.start()
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    first = wait_told(site, "ReleaseActive", 4)
    assert first == [
        f"Normal SpecChanged: release order-r1 is made (image {shop.IMAGE}:v1.0.0): by python-urllib3",
        "Normal MigrationStarted: the migration of release order-r1 runs (Job order-r1-migrate)",
        "Normal MigrationSucceeded: the migration of release order-r1 succeeded",
        f"Normal ReleaseActive: release order-r1 serves (image {shop.IMAGE}:v1.0.0)",
    ]
    site.kubelet.fate = lambda pod: (
        Exits(3, f"cannot reach postgresql://order:{shop.PASSWORD}@postgresql/order")
        if "job-name" in pod["metadata"]["labels"]
        else usual(pod)
    )
    image(site, "v1.1.0")
    shop.wait_reason(site.kube, site.namespace, "MigrationFailed", seconds=60)
    later = wait_told(site, "MigrationFailed", len(first) + 3)[len(first) :]
    assert [line.split(":")[0] for line in later] == [
        "Normal ImageChanged",
        "Normal MigrationStarted",
        "Warning MigrationFailed",
    ]
    assert "exit code 3" in later[-1]
    assert later[-1].endswith("; release order-r1 serves")
    everything = site.kube.list("Event", site.namespace)
    assert {each["metadata"]["name"].split(".")[0] for each in everything} >= {"order", "order-r2"}
    assert shop.PASSWORD not in str(everything)


def test_what_happens_again_is_counted(site: Site) -> None:
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    site.start()
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    for _ in range(2):
        site.kube.delete("Secret", site.namespace, "db")
        shop.wait_reason(site.kube, site.namespace, "SecretMissing")
        site.kube.create(shop.secret(site.namespace))
        shop.wait_ready(site.kube, site.namespace, "order-r1")

    def missing() -> list[Object]:
        return [each for each in site.kube.list("Event", site.namespace) if each["reason"] == "SecretMissing"]

    wait_for(lambda: (found := missing()) and found[0]["count"] > 1, "the second time to be counted", 30)
    (event,) = missing()
    assert event["count"] == 2
    assert (event["type"], event["message"]) == (
        "Warning",
        "Secret db does not exist (needed for DATABASE_URL); no release is made until it is there, and what runs stays",
    )


def test_an_operator_that_may_not_post_events_does_all_else(site: Site) -> None:
    role = site.kube.get("Role", site.namespace, f"operator-{site.namespace}")
    rules = [each for each in role["rules"] if "events" not in each["resources"]]
    site.kube.patch("Role", site.namespace, f"operator-{site.namespace}", {"rules": rules})
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    operator = site.start()
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    said = wait_for(
        lambda: operator.events(lambda event: event["message"] == "event not posted"), "the refusal to be logged", 30
    )
    assert {each["result"] for each in said} == {"refused"}
    assert 'cannot create resource "events"' in said[0]["error"]
    assert not operator.events(lambda event: event["message"] in {"write refused", "reconcile failed"})


def test_a_restart_tells_nothing(site: Site) -> None:
    """Invariant 2."""
    site.kube.create(shop.secret(site.namespace))
    site.kube.create(shop.service(site.namespace))
    operator = site.start()
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=60)
    told = wait_told(site, "ReleaseActive", 4)
    operator.stop()
    before = len(site.writes())
    site.start(resync_seconds="1")
    site.wait_for_lists(3)
    assert len(site.writes()) == before
    assert story(site) == told

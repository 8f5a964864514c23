"""Template waves on a real API server: nothing rolls by itself, and a wave stops, is mended and goes on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery_operator.render import bundle
from tests.integration.operator.test_every_kind import BY_GATEWAY, DATABASE, KAFKA, PROCESSES
from tests.support import shop
from tests.support.kube import Object, condition, wait_for
from tests.support.kubelet import Fate, Hangs, Waits, usual
from tests.support.site import Site

SOURCES = bundle.load().sources
FLEET = [f"order-{letter}" for letter in "abcdefgh"]
CAP = 2


def put_templates(site: Site, files: dict[str, str]) -> None:
    data = {f"{name}.yaml.j2": text for name, text in files.items()}
    if site.kube.find("ConfigMap", site.namespace, "templates"):
        site.kube.patch("ConfigMap", site.namespace, "templates", {"data": data})
    else:
        metadata = {"name": "templates", "namespace": site.namespace}
        site.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def put_limit(site: Site, limit: int) -> None:
    """Templates of Deployments that keep this many old ReplicaSets."""
    text = SOURCES["deployment"].replace("revisionHistoryLimit: 2", f"revisionHistoryLimit: {limit}")
    put_templates(site, {"deployment": text})


def mark_every_kind(site: Site, mark: str) -> None:
    """Templates that mark each child."""
    marked = {
        name: text.replace("annotations: {{ annotations }}", f"annotations: {{shop.example.com/mark: {mark}}}", 1)
        for name, text in SOURCES.items()
        if name != "_pod"
    }
    assert all(marked[name] != SOURCES[name] for name in marked)
    put_templates(site, marked)


def environment(site: Site) -> Object:
    return site.kube.get("DeliveryEnvironment", None, site.environment_name)


def upgrade(site: Site) -> Object:
    found: Object = environment(site).get("status", {}).get("upgrade", {})
    return found


def wait_upgrade(site: Site, what: str, holds: Callable[[Object], bool], seconds: float = 120) -> Object:
    def look() -> Object | None:
        under_way_at_most(site, CAP)
        found = upgrade(site)
        return found if found and holds(found) else None

    return wait_for(look, what, seconds, lambda: (upgrade(site), phases(site)))


def renewals(site: Site) -> list[Object]:
    return [each for each in site.kube.list("DeliveryRelease", site.namespace) if "renewalOf" in each["spec"]]


def phases(site: Site) -> dict[str, str]:
    return {each["metadata"]["name"]: each["status"].get("phase", "") for each in renewals(site)}


def under_way_at_most(site: Site, number: int) -> None:
    ended = {"Active", "Superseded", "Failed"}
    found = [name for name, phase in phases(site).items() if phase not in ended]
    assert len(found) <= number, found


def limits(site: Site) -> dict[str, int]:
    return {
        each["metadata"]["labels"]["delivery.dev/service"]: each["spec"]["revisionHistoryLimit"]
        for each in site.kube.list("Deployment", site.namespace)
    }


def renewals_of(fates: dict[str, Fate]) -> Callable[[Object], Fate]:
    """What becomes of the pods of some services' renewals; all others run."""

    def fate(pod: Object) -> Fate:
        labels = pod["metadata"]["labels"]
        own = fates.get(labels["delivery.dev/service"]) if labels["delivery.dev/release"] != "1" else None
        return own or usual(pod)

    return fate


def window(start: datetime, hours: int) -> Object:
    return {"startTime": f"{start:%H:%M}", "endTime": f"{start + timedelta(hours=hours):%H:%M}"}


@pytest.mark.timeout(420)
def test_a_fleet_takes_new_templates_in_waves(site: Site) -> None:
    """No more than the cap at once; a failure stops it, the operator is killed on the way, and mended it goes on."""
    operator = site.start(resync_seconds="60")
    put_limit(site, 3)
    site.environment(
        {
            "templates": {"configMap": "templates"},
            "upgrade": {"mode": "waves", "maxConcurrent": CAP, "stopAfterFailures": 1},
        }
    )
    site.kube.create(shop.secret(site.namespace))
    processes = {"web": {"command": ["order", "web"], "port": {"number": 8080}, "replicas": 1}}
    release = {"migrate": {"command": ["order", "migrate"]}, "progressDeadlineSeconds": 600}
    for name in FLEET:
        fields: dict[str, Any] = {"processes": processes, "environment": site.environment_name, "release": release}
        site.kube.create(shop.service(site.namespace, name, **fields))
    for name in FLEET:
        shop.wait_ready(site.kube, site.namespace, f"{name}-r1", name, seconds=90)
    wait_upgrade(site, "all to be current", lambda found: found["phase"] == "Done" and found["total"] == len(FLEET))
    assert renewals(site) == []

    site.kubelet.fate = renewals_of({"order-d": Hangs(), "order-e": Hangs()})
    put_limit(site, 4)
    wait_upgrade(site, "the first to have taken them", lambda found: found["current"] in range(1, 4))
    operator.kill()
    site.start(resync_seconds="60")
    last = [f"{site.namespace}/{name}" for name in ("order-d", "order-e")]
    wait_upgrade(site, "the last two to be begun", lambda found: found.get("inProgress") == last)
    # Not with a deadline, which might be over before the other is begun: this one is given up as soon as it is seen.
    broken = Waits("InvalidImageName", "no such name")
    site.kubelet.fate = renewals_of({"order-d": broken, "order-e": Hangs()})
    stopped = wait_upgrade(site, "the wave to stop", lambda found: found["phase"] == "Paused")
    assert stopped["failed"] == [f"{site.namespace}/order-d"]
    assert stopped["inProgress"] == [f"{site.namespace}/order-e"]
    site.kubelet.fate = renewals_of({"order-d": broken})
    wait_upgrade(site, "the one that was begun to finish", lambda found: "inProgress" not in found)
    current = condition(environment(site), "TemplatesCurrent")
    assert (current["status"], current["reason"]) == ("False", "UpgradePaused")
    found = limits(site)
    assert found["order-d"] == 3, "it serves with what it had"
    taken = {name for name in FLEET if found[name] == 4}
    assert taken == {"order-a", "order-b", "order-c", "order-e"}, "nobody else was begun"
    assert shop.get(site.kube, site.namespace, "order-d")["status"]["activeRelease"] == "order-d-r1"

    site.kubelet.fate = usual
    put_limit(site, 5)
    wait_upgrade(site, "all to have taken the mended ones", lambda found: found["phase"] == "Done", 180)
    assert set(limits(site).values()) == {5}
    assert condition(environment(site), "TemplatesCurrent")["status"] == "True"
    for name in FLEET:
        assert condition(shop.get(site.kube, site.namespace, name), "Ready")["status"] == "True"
    started = site.kubelet.started_of("delivery.dev/role", "migrate")
    assert len(started) == len(FLEET), "no renewal has run a migration"


@pytest.mark.timeout(300)
def test_new_templates_of_every_kind_write_nothing_to_a_healthy_fleet_until_the_window_opens(
    extended_site: Site,
) -> None:
    """Invariant 2: an operator upgrade changes all of them at once."""
    site = extended_site
    site.start(resync_seconds="1")
    mark_every_kind(site, "first")
    now = datetime.now(UTC)
    site.environment(
        {
            "templates": {"configMap": "templates"},
            "upgrade": {"mode": "waves"},
            "maintenanceWindow": window(now + timedelta(hours=2), 1),
            "exposure": BY_GATEWAY,
        }
    )
    site.kube.create(shop.secret(site.namespace))
    body = shop.service(site.namespace, processes=PROCESSES, backingServices=[KAFKA, DATABASE])
    body["spec"]["environment"] = site.environment_name
    site.kube.create(body)
    shop.wait_ready(site.kube, site.namespace, "order-r1", seconds=90)
    wait_upgrade(site, "it to be current", lambda found: found["phase"] == "Done" and found["total"] == 1)

    site.wait_told("ReleaseActive")
    before = len(site.writes())
    mark_every_kind(site, "second")
    waiting = wait_upgrade(site, "the window to be waited for", lambda found: found["phase"] == "WaitingForWindow")
    assert waiting["behind"] == [f"{site.namespace}/order"]
    site.wait_for_lists(2)
    assert [event["objectRef"]["resource"] for event in site.writes()[before:]] == ["deliveryenvironments"]
    current = condition(environment(site), "TemplatesCurrent")
    assert (current["status"], current["reason"]) == ("False", "WaitingForWindow")
    assert "/order" in current["message"]

    site.kube.patch(
        "DeliveryEnvironment",
        None,
        site.environment_name,
        {"spec": {"maintenanceWindow": window(now - timedelta(hours=1), 3)}},
    )
    wait_upgrade(site, "it to have taken them", lambda found: found["phase"] == "Done")
    kinds = ("Deployment", "CronJob", "HorizontalPodAutoscaler", "ScaledObject", "PodDisruptionBudget", "HTTPRoute")
    for kind in kinds:
        for each in site.kube.list(kind, site.namespace, "delivery.dev/service=order"):
            assert each["metadata"]["annotations"]["shop.example.com/mark"] == "second", each["metadata"]["name"]

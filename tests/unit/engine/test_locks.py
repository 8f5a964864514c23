"""Invariant 3: two services that share a database do not migrate it at the same time, and no Lease stays for ever."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery_operator.engine import locks
from delivery_operator.engine.decide import decide
from delivery_operator.engine.plan import Plan, SetStatus
from delivery_operator.engine.snapshot import Refusal
from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.world import Killed, World

CONTRACT = {"command": ["order", "migrate", "--contract"]}
LEASE = ("Lease", "database-order")
PLACE = ("db-credentials", "postgresql")


@pytest.fixture
def order() -> World:
    return World(builders.spec())


@pytest.fixture
def payment(order: World) -> World:
    """A service of another namespace that is bound to the same database."""
    return World(builders.spec(), beside=order)


def leases(world: World) -> list[str]:
    return sorted(world.of_kind("Lease"))


def held(world: World) -> bool:
    """Whether a Job of its schema has begun and not ended."""
    return any(job["metadata"]["labels"][names.ROLE] != names.TASK for job in world.running_jobs())


def tick(seconds: float, *worlds: World) -> None:
    for world in worlds:
        world.tick(seconds)


def test_it_is_taken_before_the_job_runs_and_let_go_when_the_result_is_recorded(order: World) -> None:
    order.settle()
    wrote = [each for each in order.log if each.split()[1] in {"Lease", "Job"} or each.endswith("Release order-r1")]
    assert wrote == [
        "create DeliveryRelease order-r1",
        "create Lease database-order",
        "create Job order-r1-migrate",
        "status DeliveryRelease order-r1",
        "resume Job order-r1-migrate",
    ]
    order.job_ends(1)
    order.settle()
    wrote = [each for each in order.log if each.split()[1] == "Lease" or each.endswith("Release order-r1")]
    assert wrote[-2:] == ["status DeliveryRelease order-r1", "delete Lease database-order"]
    assert order.release(1)["status"]["migration"]["result"] == "Succeeded"
    assert leases(order) == []


def test_the_lease_says_whose_it_is(order: World) -> None:
    order.settle()
    lease = order.objects[LEASE]
    assert lease["metadata"]["namespace"] == "delivery-system"
    assert lease["spec"]["holderIdentity"] == "shop/order-r1"
    assert lease["metadata"]["labels"][names.HOLDER_UID] == order.release(1)["metadata"]["uid"]
    job = order.job(1)["spec"]
    assert lease["spec"]["leaseDurationSeconds"] > job["activeDeadlineSeconds"] + locks.GRACE_SECONDS


def test_templates_without_a_deadline_have_one_of_a_day(order: World) -> None:
    """An environment's own may leave it out."""
    job = builders.BUNDLE.sources["job"].replace("  activeDeadlineSeconds: {{ job.timeoutSeconds }}\n", "")
    order.bundle = builders.BUNDLE.with_overrides({"job": job})
    order.settle()
    assert "activeDeadlineSeconds" not in order.job(1)["spec"]
    assert order.objects[LEASE]["spec"]["leaseDurationSeconds"] > 24 * 3600


def test_whoever_shares_the_database_waits_and_says_for_whom(order: World, payment: World) -> None:
    order.settle()
    plan = payment.settle()
    assert plan.look_again_after == locks.LOOK_AGAIN_SECONDS
    assert payment.of_kind("Job") == {}
    assert payment.said("Ready") == ("False", "WaitingForDatabase")
    assert payment.said("Reconciling")[0] == "True"
    message = payment.condition("Ready")["message"]
    assert "waits for the database of db: release 1 of service order of namespace shop" in message
    order.run()
    payment.run()
    assert payment.phases() == {1: "Active"}


def test_others_are_not_held_up(order: World, payment: World) -> None:
    """Another database, or none: nobody waits."""
    order.settle()
    payment.databases = {PLACE: ("database-payment",)}
    payment.run()
    assert payment.phases() == {1: "Active"}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"release": {}}, id="no migration"),
        pytest.param({"backingServices": []}, id="no backing service"),
        pytest.param(
            {"backingServices": [{"name": "db", "type": "redis", "secret": "db-credentials", "env": {"A": "url"}}]},
            id="no database",
        ),
        pytest.param(
            {
                "backingServices": [
                    {
                        "name": "db",
                        "type": "mysql",
                        "provisionedService": {"apiVersion": "a.example/v1", "kind": "Db", "name": "db"},
                        "env": {"A": "url"},
                    }
                ]
            },
            id="a binding without Secret",
        ),
    ],
)
def test_who_needs_no_lease_takes_none(changes: dict[str, Any]) -> None:
    world = World(builders.spec(**changes))
    world.bind(db="unknown-to-the-snapshot")
    with contextlib.suppress(StopIteration):
        world.run()
    assert [each for each in world.log if "Lease" in each] == []


def test_all_or_none_are_taken_in_the_order_of_their_names(order: World, payment: World) -> None:
    order.databases = {PLACE: ("b", "c")}
    payment.databases = {PLACE: ("c", "a")}
    order.settle()
    assert leases(order) == ["b", "c"]
    payment.settle()
    assert leases(payment) == ["b", "c"], "it does not keep a while it waits for c"
    order.run()
    payment.settle()
    assert leases(payment) == ["a", "c"]
    assert [each for each in payment.log if each.startswith("create Lease")] == ["create Lease a", "create Lease c"]


def test_what_was_taken_is_given_back_when_another_one_cannot_be_had(order: World, payment: World) -> None:
    """Both began at the same time."""
    order.databases, payment.databases = {PLACE: ("b",)}, {PLACE: ("a", "b")}
    while "create Lease a" not in payment.log:
        payment.write(payment.plan().writes[0])
    order.settle()
    payment.settle()
    assert leases(payment) == ["b"]
    assert payment.said("Ready") == ("False", "WaitingForDatabase")


def test_two_that_see_it_free_at_once_do_not_both_get_it(order: World, payment: World) -> None:
    for world in (order, payment):
        while not any(getattr(each, "manifest", {}).get("kind") == "Lease" for each in world.plan().writes):
            for write in world.plan().writes:
                world.write(write)
    seen = [(world, world.plan().writes[0]) for world in (order, payment)]
    assert [world.write(write) for world, write in seen] == [True, False]


@pytest.mark.parametrize("killed_after", range(1, 16))
def test_killed_between_any_two_writes_no_lease_stays(killed_after: int) -> None:
    """The operator dies for good with one service, and goes on with the other."""
    order = World(builders.spec())
    payment = World(builders.spec(release={"migrate": builders.MIGRATE, "contract": CONTRACT}), beside=order)
    with contextlib.suppress(Killed):
        order.settle(kill_after=killed_after)
    payment.settle()
    if held(order):
        assert payment.of_kind("Job") == {}, "a Job that runs keeps its Lease"
        order.job_ends(1)
    tick(locks.GRACE_SECONDS + 10, order, payment)
    payment.run()
    assert payment.phases() == {1: "Active"}
    order.run()
    assert order.phases() == {1: "Active"}
    assert leases(order) == []


def test_a_job_that_runs_keeps_its_lease_however_long(order: World, payment: World) -> None:
    order.settle()
    tick(86400, order, payment)
    order.settle()
    payment.settle()
    assert payment.of_kind("Job") == {}


def test_a_pod_that_has_not_ended_keeps_it_too(order: World, payment: World) -> None:
    """The Job was deleted by hand, and its pod is on a node that is lost: nobody knows whether it still writes."""
    order.settle()
    pod = builders.pod(order.job(1), name="p", labels={names.ROLE: names.MIGRATE, names.RELEASE: "1"})
    order.delete("Job", "order-r1-migrate")
    order.add(pod)
    order.settle()
    assert order.phases() == {1: "Failed"}
    tick(3600, order, payment)
    order.settle()
    payment.settle()
    assert payment.of_kind("Job") == {}
    order.delete("Pod", "p")
    order.settle()
    payment.run()
    assert payment.phases() == {1: "Active"}


def test_a_failed_migration_lets_go(order: World, payment: World) -> None:
    order.settle()
    order.job_ends(1, code=3)
    order.settle()
    payment.run()
    assert payment.phases() == {1: "Active"}


def test_a_release_that_gives_way_lets_go(order: World, payment: World) -> None:
    while ("Job", "order-r1-migrate") not in order.objects:
        for write in order.plan().writes:
            order.write(write)
    order.edit(image=builders.NEXT_IMAGE, release={})
    order.run()
    assert leases(payment) == []
    assert order.phases() == {1: "Superseded", 2: "Active"}


def test_a_paused_service_keeps_none_that_it_does_not_use(order: World, payment: World) -> None:
    while not leases(order):
        for write in order.plan().writes:
            order.write(write)
    order.edit(paused=True)
    tick(locks.GRACE_SECONDS + 10, order, payment)
    order.settle()
    assert leases(order) == ["database-order"], "it touches nothing"
    payment.run()
    assert payment.phases() == {1: "Active"}
    order.edit(paused=False)
    order.run()
    assert order.phases() == {1: "Active"}


def test_a_lease_that_is_too_old_to_begin_with_is_taken_anew(order: World) -> None:
    """Others may think that it is stale by the time the Job runs."""
    while ("Job", "order-r1-migrate") not in order.objects:
        for write in order.plan().writes:
            order.write(write)
    before = order.objects[LEASE]["metadata"]["uid"]
    order.tick(locks.FRESH_SECONDS + 1)
    order.settle()
    assert order.objects[LEASE]["metadata"]["uid"] != before
    assert held(order)


def test_a_lease_from_the_future_is_not_kept_for_ever(order: World, payment: World) -> None:
    """The clock was set back after it was taken."""
    while not leases(order):
        for write in order.plan().writes:
            order.write(write)
    tick(-86400, order, payment)
    payment.run()
    assert payment.phases() == {1: "Active"}


def test_of_a_holder_that_cannot_be_seen_the_jobs_deadline_counts(order: World, payment: World) -> None:
    """The operator looked at that namespace once, and does no longer."""
    order.settle()
    payment.sees_others = False
    seconds = order.objects[LEASE]["spec"]["leaseDurationSeconds"]
    tick(seconds - 5, order, payment)
    payment.settle()
    assert payment.of_kind("Job") == {}
    tick(10, order, payment)
    payment.run()
    assert payment.phases() == {1: "Active"}


def test_what_somebody_else_made_under_the_name_goes_in_time(order: World) -> None:
    order.add(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": "database-order",
                "labels": {names.SERVICE: "x"},
                "creationTimestamp": (order.now - timedelta(seconds=5)).isoformat(),
            },
            "spec": {},
        }
    )
    order.settle()
    assert order.said("Ready") == ("False", "WaitingForDatabase")
    order.tick(locks.GRACE_SECONDS)
    order.run()
    assert order.phases() == {1: "Active"}


def test_of_a_service_that_is_gone_a_lease_goes_when_nothing_of_it_runs(order: World) -> None:
    order.settle()
    order.observe()
    snapshot = order.snapshot()
    (lock,) = snapshot.locks.values()
    assert locks.without_service([lock]) == [], "its Job runs, and its release is there"
    order.delete("DeliveryService", "order")
    (gone,) = [order._lock(order.objects[LEASE])]  # noqa: SLF001 what the operator sees of it now
    order.cache.clear()
    (gone,) = [order._lock(order.objects[LEASE])]  # noqa: SLF001 the same
    assert [each.target for each in locks.without_service([gone])] == [order.objects[LEASE]]


def test_what_another_operator_looks_after_is_left_to_it(order: World, payment: World) -> None:
    """Two that are installed in one namespace see each other's Leases, and not each other's services."""
    order.settle()
    payment.sees_others = False
    payment.observe()
    (lock,) = payment.snapshot().locks.values()
    assert locks.without_service([lock]) == []


def test_a_lease_of_a_release_that_was_deleted_is_let_go(order: World) -> None:
    order.settle()
    order.delete("DeliveryRelease", "order-r1")
    order.run()
    assert leases(order) == []
    assert list(order.phases().values()) == ["Active"]


@pytest.fixture
def contracting(order: World) -> World:
    """Release 2 serves; its contract step is next."""
    order.run()
    order.edit(image=builders.NEXT_IMAGE, release={"contract": CONTRACT})
    order.settle()
    order.pods_come()
    return order


def test_the_contract_step_takes_it_too(contracting: World, payment: World) -> None:
    contracting.settle()
    assert held(contracting)
    payment.settle()
    assert payment.said("Ready") == ("False", "WaitingForDatabase")
    contracting.run()
    assert leases(payment) == []


def test_a_contract_step_waits_while_the_service_serves(contracting: World, payment: World) -> None:
    payment.settle()
    plan = contracting.settle()
    assert plan.look_again_after == locks.LOOK_AGAIN_SECONDS
    assert contracting.said("Ready") == ("True", "Serving")
    assert contracting.said("ContractSucceeded") == ("Unknown", "WaitingForDatabase")
    assert "service order of namespace pay" in contracting.condition("ContractSucceeded")["message"]
    payment.run()
    contracting.run()
    assert contracting.said("ContractSucceeded") == ("True", "Succeeded")


def test_a_contract_step_on_record_waits_for_the_lease_it_lost(contracting: World, payment: World) -> None:
    """The operator was away between the record and the resume, and another one took what was stale."""
    while not contracting.release(2).get("status", {}).get("contract"):
        for write in contracting.plan().writes:
            contracting.write(write)
    tick(locks.GRACE_SECONDS + 10, contracting, payment)
    payment.settle()
    assert held(payment)
    plan = contracting.settle()
    assert not held(contracting)
    assert plan.look_again_after == locks.LOOK_AGAIN_SECONDS
    payment.run()
    contracting.run()
    assert contracting.said("ContractSucceeded") == ("True", "Succeeded")


def test_nothing_is_written_while_waiting(order: World, payment: World) -> None:
    """Invariant 2."""
    order.settle()
    payment.settle()
    assert payment.plan() == Plan((), locks.LOOK_AGAIN_SECONDS)
    tick(60, order, payment)
    assert not [each for each in payment.plan().writes if isinstance(each, SetStatus)]


def happens(world: World, what: str, number: int) -> None:
    """Let something happen to a service that is not the operator's doing."""
    running = [job["metadata"]["name"] for job in world.running_jobs()]
    match what:
        case "release":
            world.edit(image=f"{builders.IMAGE}-{number}")
        case "end" | "fail" if running:
            world.end_job(running[0], code=int(what == "fail"))
        case "pods":
            world.pods_come()
        case "pause" | "go on":
            world.edit(paused=what == "pause")
        case "delete" if world.of_kind("Job"):
            world.delete("Job", next(iter(world.of_kind("Job"))))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["order", "payment"]),
        st.sampled_from(["release", "end", "fail", "pods", "pause", "go on", "wait", "delete"]),
        st.sampled_from([None, None, 0, 1, 2, 3]),
    ),
    max_size=25,
)


@pytest.mark.timeout(300)
@given(STEPS, st.sampled_from([("a",), ("a", "b"), ("b", "a")]))
@settings(max_examples=30, deadline=None)
def test_two_services_never_change_a_database_at_once(steps: list[tuple[str, str, int | None]], shared: Any) -> None:
    """Users, controllers, time and a dying operator in any order; and in the end both serve and no Lease is left."""
    release = {"migrate": builders.MIGRATE, "contract": CONTRACT}
    order = World(builders.spec(release=release))
    payment = World(builders.spec(release=release), beside=order)
    order.databases, payment.databases = {PLACE: ("a", "b")}, {PLACE: shared}
    worlds = {"order": order, "payment": payment}
    for number, (which, what, writes) in enumerate(steps):
        if what == "wait":
            tick(locks.GRACE_SECONDS / 3 * 2, order, payment)
        else:
            happens(worlds[which], what, number)
        if writes is None:
            worlds[which].settle()
        elif writes:
            with contextlib.suppress(Killed):
                worlds[which].settle(kill_after=writes)
        assert not (held(order) and held(payment))
    for world in worlds.values():
        world.edit(paused=False, image=f"{builders.IMAGE}-mended")
    for _ in range(3):
        tick(locks.GRACE_SECONDS + 10, *worlds.values())
        for world in worlds.values():
            world.run()
    for world in worlds.values():
        assert world.said("Ready") == ("True", "Serving")
        assert world.plan().writes == ()
    assert leases(order) == leases(payment) == []


def test_a_refused_write_of_the_service_lets_others_have_what_is_done_with(order: World, payment: World) -> None:
    order.settle()
    order.job_ends(1)
    while not (order.release(1)["status"]["migration"].get("result")):
        for write in order.plan().writes:
            order.write(write)
    assert leases(order)
    order.observe()
    for write in decide(order.snapshot(Refusal(("Deployment", "order-web"), "the policy says no"))).writes:
        order.write(write)
    assert not leases(order)
    payment.settle()
    assert held(payment)

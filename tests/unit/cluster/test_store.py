"""What has been seen of the cluster: the newest version of each object, by service."""

from typing import Any

import pytest

from delivery_operator.cluster.store import ServiceKey, Store, pruned, service_key
from delivery_operator.render.names import HOLDER_NAMESPACE, SERVICE

ORDER = ("shop", "order")
Body = dict[str, Any]


def body(
    version: int, *, kind: str = "Deployment", name: str = "order-web", uid: str = "u1", service: str | None = "order"
) -> Body:
    labels = {SERVICE: service} if service else {}
    metadata = {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": str(version), "labels": labels}
    return {"kind": kind, "metadata": metadata, "spec": {}}


def listed(store: Store, kind: str, namespace: str | None, items: list[Body], version: str) -> set[ServiceKey]:
    """Take a LIST in two pages."""
    half = len(items) // 2
    first, some = store.put_all(items[:half])
    second, others = store.put_all(items[half:])
    return first | second | store.keep_only(kind, namespace, some | others, version)


def test_the_newest_version_stays_whatever_comes_later() -> None:
    store = Store()
    assert store.put(body(5)) == ORDER
    assert store.put(body(5)) is None, "the same again is no change"
    assert store.put(body(4)) is None
    assert store.get("Deployment", "shop", "order-web") == body(5)
    assert store.put(body(6)) == ORDER
    assert store.of_service(ORDER) == [body(6)]
    assert store.count() == 1


def test_versions_are_numbers_and_not_text() -> None:
    store = Store()
    store.put(body(9))
    assert store.put(body(10)) == ORDER


def test_what_belongs_to_no_service_is_not_kept_unless_one_asks() -> None:
    store = Store()
    assert store.put(body(1, service=None)) is None
    assert store.count() == 0
    assert store.put(body(1, service=None), ORDER) == ORDER
    assert store.of_service(ORDER) == [body(1, service=None)]


def test_an_object_that_moves_to_another_service_leaves_the_first() -> None:
    store = Store()
    store.put(body(1))
    assert store.put(body(2, service="payment")) == ("shop", "payment")
    assert store.of_service(ORDER) == []
    assert store.of_service(("shop", "payment")) == [body(2, service="payment")]


def test_a_service_that_asks_for_an_object_by_name_sees_it_whatever_its_label_says() -> None:
    """Its label was changed by hand, or its name is that of a child of another service's."""
    payment = ("shop", "payment")
    store = Store()
    store.put(body(1, service="payment"))
    assert store.put(body(1, service="payment"), ORDER) is None, "nothing new"
    assert store.of_service(ORDER) == store.of_service(payment) == [body(1, service="payment")]
    assert store.put(body(2, service="payment")) == payment
    assert store.of_service(ORDER) == [body(2, service="payment")]
    assert store.put(body(3)) == ORDER, "the label is set right"
    assert store.of_service(payment) == []
    assert store.of_service(ORDER) == [body(3)]
    store.remove(body(4))
    assert store.of_service(ORDER) == store.of_service(payment) == []


def test_one_that_asked_and_then_is_named_by_the_label_keeps_the_object() -> None:
    store = Store()
    store.put(body(1), ("shop", "payment"))
    store.put(body(2, service="payment"))
    store.put(body(3, service="third"))
    assert store.of_service(("shop", "payment")) == [body(3, service="third")], "it has asked, and the name is its own"
    store.remove(body(4))
    assert store.of_service(("shop", "payment")) == store.of_service(("shop", "third")) == []


def test_a_deleted_object_is_gone_and_a_late_answer_does_not_bring_it_back() -> None:
    """The answer to our write was on its way when the deletion came by the watch."""
    store = Store()
    store.put(body(5))
    assert store.remove(body(7)) == ORDER
    assert store.of_service(ORDER) == []
    assert store.put(body(6)) is None
    assert store.count() == 0
    assert store.remove(body(7)) is None


def test_what_we_deleted_ourselves_is_not_brought_back_by_an_event_of_its_last_version() -> None:
    """A deletion's own version is not in its answer; the watch still delivers what came before it."""
    store = Store()
    store.put(body(5))
    assert store.remove(body(5), last_seen=True) == ORDER
    assert store.put(body(5)) is None


def test_the_deletion_of_an_older_object_of_that_name_leaves_the_newer_one() -> None:
    store = Store()
    store.put(body(8, uid="u2"))
    assert store.remove(body(7, uid="u1")) is None
    assert store.count() == 1


def test_an_object_that_lost_its_label_and_got_it_back_is_seen_again() -> None:
    """A watch with a selector says DELETED for it, though it lives on under its UID; drift repair brings it back."""
    store = Store()
    store.put(body(5))
    store.remove(body(6))
    assert store.put(body(6, service=None), ORDER) == ORDER, "looked up before it is applied"
    assert store.put(body(7)) == ORDER, "as it is after the apply"
    assert store.of_service(ORDER) == [body(7)]


def test_a_late_deletion_event_does_not_take_away_a_newer_version() -> None:
    """The label was lost at 6 and is back at 7, by our own apply, before the watch delivers 6."""
    store = Store()
    store.put(body(5))
    store.put(body(7))
    assert store.remove(body(6)) is None
    assert store.of_service(ORDER) == [body(7)]


def test_removed_objects_are_not_remembered_for_ever() -> None:
    store = Store()
    for number in range(10_001):
        store.remove(body(2, uid=f"u{number}"))
    assert store.put(body(1, uid="u10000")) is None
    assert store.put(body(1, uid="u0")) == ORDER, "it would take ten thousand deletions while one answer is on its way"


def test_a_list_brings_what_is_new_and_takes_what_is_gone() -> None:
    """Absence is learned from an authoritative LIST and never from a watch's silence."""
    store = Store()
    store.put(body(1, name="kept"))
    store.put(body(2, name="changed"))
    store.put(body(3, name="gone", service="payment"))
    store.put(body(9, name="newer than the list"))
    store.put(body(4, name="another kind", kind="Service"))
    items = [body(1, name="kept"), body(5, name="changed"), body(6, name="new", service="delivery")]
    changed = listed(store, "Deployment", None, items, "7")
    assert changed == {ORDER, ("shop", "payment"), ("shop", "delivery")}
    assert store.get("Deployment", "shop", "gone") is None
    assert store.get("Deployment", "shop", "newer than the list") is not None
    assert store.get("Service", "shop", "another kind") is not None
    assert listed(store, "Deployment", None, items, "7") == set()


def test_a_list_may_come_whole_or_in_pages() -> None:
    whole, pages = Store(), Store()
    for store in (whole, pages):
        store.put(body(3, name="gone"))
    items = [body(1, name="a"), body(5, name="b")]
    assert whole.replace("Deployment", None, items, "7") == listed(pages, "Deployment", None, items, "7")
    assert whole.of_service(ORDER) == pages.of_service(ORDER) == items


def test_a_list_of_one_namespace_says_nothing_of_others() -> None:
    store = Store()
    store.put(body(1))
    assert listed(store, "Deployment", "other", [], "7") == set()
    assert listed(store, "Deployment", "shop", [], "7") == {ORDER}


def test_services_are_known_by_their_own_name() -> None:
    store = Store()
    assert store.put(body(1, kind="DeliveryService", name="order", service=None)) == ORDER
    store.put(body(2))
    assert store.services() == [ORDER]
    assert service_key(body(1, kind="DeliveryService", name="x", service="order")) == ("shop", "x")


def test_an_empty_index_is_dropped() -> None:
    store = Store()
    store.put(body(1))
    store.remove(body(2))
    assert store.of_service(ORDER) == []
    assert store.put(body(3, uid="u2")) == ORDER


@pytest.mark.parametrize("status", [None, {"phase": "Running", "hostIP": "10.0.0.1", "conditions": []}])
def test_of_a_body_only_what_is_read_is_kept(status: Body | None) -> None:
    """Memory per service is budgeted (design, section 5)."""
    pod = body(1, kind="Pod")
    pod["metadata"] |= {
        "managedFields": [{}],
        "annotations": {"a": "1", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    }
    kept = pruned({**pod, "spec": {"nodeName": "a", "containers": []}, "status": status})
    assert kept["spec"] == {"nodeName": "a"}
    assert "managedFields" not in kept["metadata"]
    assert kept["metadata"]["annotations"] == {"a": "1"}
    assert kept["status"] == ({"phase": "Running", "conditions": []} if status else {})
    assert "managedFields" in pod["metadata"], "the body itself is the caller's"


def own(kind: str, name: str, version: int = 1, **spec: str) -> Body:
    metadata = {"name": name, "uid": f"{kind}-{name}", "resourceVersion": str(version)}
    if kind != "DeliveryEnvironment":
        metadata["namespace"] = "shop"
    return {"kind": kind, "metadata": metadata, "spec": spec}


def test_a_task_belongs_to_the_service_that_it_names_whether_or_not_there_is_one() -> None:
    store = Store()
    assert store.put(own("DeliveryTask", "seed-1", service="order")) == ORDER
    assert store.keys() == [ORDER]
    assert store.services() == []


def test_a_release_belongs_to_the_service_that_it_names_whatever_its_label_says() -> None:
    store = Store()
    release: dict[str, Any] = {
        "kind": "DeliveryRelease",
        "metadata": {"namespace": "shop", "name": "order-r1", "uid": "r", "resourceVersion": "5"},
        "spec": {"service": "order"},
    }
    assert store.put(release) == ("shop", "order")
    stomped = {**release["metadata"], "resourceVersion": "6", "labels": {SERVICE: "another"}}
    assert store.put({**release, "metadata": stomped}) == ("shop", "order")


def test_an_environment_has_a_key_of_its_own() -> None:
    store = Store()
    assert store.put(own("DeliveryEnvironment", "production")) == ("", "production")
    assert store.keys() == [("", "production")]
    assert store.remove(own("DeliveryEnvironment", "production", 2)) == ("", "production")
    assert store.keys() == []


def test_services_are_found_by_the_environment_that_they_name() -> None:
    store = Store()
    store.put(own("DeliveryService", "order", environment="production"))
    store.put(own("DeliveryService", "payment"))
    assert store.in_environment("production") == [ORDER]
    assert store.in_environment("default") == [("shop", "payment")]


def test_a_kind_that_is_no_longer_served_is_forgotten() -> None:
    store = Store()
    store.put(body(1, kind="PodMonitor"))
    store.put(body(1))
    store.forget("PodMonitor")
    assert store.of_service(ORDER) == [body(1)]


def test_children_alone_are_not_looked_at() -> None:
    """Those of a deleted service are about to go by their owner references."""
    store = Store()
    store.put(body(1))
    assert store.keys() == []


def test_the_lease_of_a_database_belongs_to_the_service_of_its_holder() -> None:
    """It is in the operator's own namespace."""
    store = Store()
    lease = body(5, kind="Lease", name="db")
    lease["metadata"]["labels"] = {SERVICE: "order", HOLDER_NAMESPACE: "pay"}
    assert store.put(lease) == ("pay", "order")
    assert store.of_service(("pay", "order")) == [lease]
    foreign = body(5, kind="Lease", name="leader")
    foreign["metadata"]["labels"] = {SERVICE: "order"}
    assert store.put(foreign) is None

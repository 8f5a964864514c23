"""Which keys a service needs and whether they are there (F3-9)."""

from typing import Any

import pytest

from delivery_operator.api.release import ReferenceKind
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.engine import references
from tests.unit.support import builders

SECRET, CONFIG_MAP = ReferenceKind.SECRET, ReferenceKind.CONFIG_MAP
SPEC = builders.parsed(
    builders.spec(
        config={
            "LEVEL": {"value": "info"},
            "FLAGS": {"configMapKeyRef": {"name": "flags", "key": "all"}},
            "DSN": {"secretKeyRef": {"name": "sentry", "key": "dsn"}, "optional": True},
        },
        backingServices=[
            {"name": "mq", "type": "kafka", "secret": "kafka", "env": {"BROKERS": "brokers", "USER": "user"}},
            {"name": "db", "type": "postgresql", "secret": "db", "env": {"DATABASE_URL": "url"}},
        ],
    )
)
HELD = {
    (CONFIG_MAP, "flags"): {"all": "1"},
    (SECRET, "kafka"): {"brokers": "2", "user": "3"},
    (SECRET, "db"): {"url": "4"},
}


def test_every_key_is_found_in_a_stable_order() -> None:
    assert [(use.reference, use.key, use.needed_for, use.optional) for use in references.uses(SPEC, {})] == [
        ((SECRET, "sentry"), "dsn", "DSN", True),
        ((CONFIG_MAP, "flags"), "all", "FLAGS", False),
        ((SECRET, "db"), "url", "DATABASE_URL", False),
        ((SECRET, "kafka"), "brokers", "BROKERS", False),
        ((SECRET, "kafka"), "user", "USER", False),
    ]


def test_an_object_that_is_missing_is_named_once() -> None:
    held = {reference: keys for reference, keys in HELD.items() if reference != (SECRET, "kafka")}
    assert [str(each) for each in references.missing(SPEC, held, {}, {})] == [
        "Secret kafka does not exist (needed for BROKERS)"
    ]


def test_every_key_that_is_missing_is_named() -> None:
    assert [str(each) for each in references.missing(SPEC, {**HELD, (SECRET, "kafka"): {}}, {}, {})] == [
        "Secret kafka has no key brokers (needed for BROKERS)",
        "Secret kafka has no key user (needed for USER)",
    ]


def test_nothing_is_missing_when_only_what_is_optional_is_not_there() -> None:
    assert references.missing(SPEC, HELD, {}, {}) == []


def test_hashes_cover_the_keys_in_use_and_no_others() -> None:
    before = references.hashes(SPEC, HELD, {})
    assert [(each["kind"], each["name"]) for each in before] == [
        ("ConfigMap", "flags"),
        ("Secret", "db"),
        ("Secret", "kafka"),
    ]
    unused = {**HELD, (SECRET, "db"): {"url": "4", "comment": "5"}, (SECRET, "other"): {"a": "b"}}
    assert references.hashes(SPEC, unused, {}) == before
    used = {**HELD, (SECRET, "db"): {"url": "changed"}}
    assert [
        each["name"] for each, old in zip(references.hashes(SPEC, used, {}), before, strict=True) if each != old
    ] == ["db"]


def test_an_optional_key_that_an_existing_object_lacks_counts_as_nothing() -> None:
    held = {**HELD, (SECRET, "sentry"): {"other": "6"}}
    assert references.missing(SPEC, held, {}, {}) == []
    assert references.hashes(SPEC, held, {}) == references.hashes(SPEC, HELD, {})


def whole(**changes: Any) -> DeliveryServiceSpec:
    fields = {"config": {}, "backingServices": [], **changes}
    return builders.parsed(builders.spec(**fields))


FROM_SECRET = {"name": "stripe", "secret": "stripe", "prefix": "STRIPE_"}
FROM_CONFIG = {"name": "flags", "configMap": "flags"}
FILES = {"name": "db", "type": "postgresql", "secret": "db", "files": True}


def test_whole_objects_count_with_all_of_their_keys() -> None:
    """configFrom and files take whatever is there: a key more is a change."""
    spec = whole(configFrom=[FROM_SECRET, FROM_CONFIG], backingServices=[FILES])
    held = {(SECRET, "stripe"): {"key": "1"}, (CONFIG_MAP, "flags"): {}, (SECRET, "db"): {"url": "4", "ca": "5"}}
    before = references.hashes(spec, held, {})
    assert [(each["kind"], each["name"]) for each in before] == [
        ("ConfigMap", "flags"),
        ("Secret", "db"),
        ("Secret", "stripe"),
    ]
    for reference, keys in held.items():
        more = {**held, reference: {**keys, "another": "9"}}
        changed = [
            each["name"] for each, old in zip(references.hashes(spec, more, {}), before, strict=True) if each != old
        ]
        assert changed == [reference[1]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"configFrom": [FROM_SECRET]}, "Secret stripe does not exist (needed for configFrom stripe)"),
        ({"configFrom": [FROM_CONFIG]}, "ConfigMap flags does not exist (needed for configFrom flags)"),
        ({"backingServices": [FILES]}, "Secret db does not exist (needed for the files of db)"),
        ({"sentry": {"name": "sentry", "key": "dsn"}}, "Secret sentry does not exist (needed for SENTRY_DSN)"),
    ],
)
def test_a_whole_object_that_is_missing_is_named(changes: dict[str, Any], message: str) -> None:
    assert [str(each) for each in references.missing(whole(**changes), {}, {}, {})] == [message]


def test_a_whole_object_that_is_optional_may_be_missing() -> None:
    spec = whole(configFrom=[{**FROM_SECRET, "optional": True}])
    assert references.missing(spec, {}, {}, {}) == []
    assert references.hashes(spec, {}, {}) == []
    assert references.hashes(spec, {(SECRET, "stripe"): {"key": "1"}}, {}) != []


def test_a_binding_that_nobody_has_looked_for_is_missing_too() -> None:
    provisioned = {"apiVersion": "databases.example.com/v1", "kind": "Postgres", "name": "order"}
    service = {"name": "db", "type": "postgresql", "provisionedService": provisioned, "env": {"A": "url"}}
    spec = whole(backingServices=[service])
    assert [(each.reason, each.message) for each in references.missing(spec, {}, {}, {})] == [
        ("BindingNotReady", "db is not bound")
    ]
    assert references.missing(spec, {(SECRET, "found"): {"url": "1"}}, {"db": "found"}, {}) == []

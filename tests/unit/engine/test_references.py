"""Which keys a service needs and whether they are there (F3-9)."""

from delivery_operator.api.release import ReferenceKind
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

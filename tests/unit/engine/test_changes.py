"""Why a release is made and what changed: by name, never by value (F5-2, invariant 8)."""

from typing import Any

import pytest

from delivery_operator.api.release import DeliveryReleaseSpec, Reason
from delivery_operator.engine import changes
from delivery_operator.engine.changes import FIELDS_LIMIT, Changes
from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.builders import MIGRATE, NEXT_IMAGE, RELAY, WEB
from tests.unit.support.world import SECRET, World

BINDING = {"name": "db", "type": "postgresql", "secret": "db-credentials", "env": {"DATABASE_URL": "url"}}
CACHE = {"name": "cache", "type": "redis", "secret": "cache", "env": {"REDIS_ADDR": "addr"}}


@pytest.fixture
def serving() -> World:
    world = World(builders.spec())
    world.contents[SECRET] = {"url": "postgres://db/order", "other": "x"}
    world.run()
    return world


def cut(world: World) -> dict[str, Any]:
    """What the newest release says of why it was made."""
    world.run()
    spec = world.release(max(world.phases()))["spec"]
    DeliveryReleaseSpec.model_validate(spec)
    return {field: spec[field] for field in ("reason", "changes")}


@pytest.mark.parametrize(
    ("edit", "reason", "fields"),
    [
        ({"image": NEXT_IMAGE}, Reason.IMAGE_CHANGED, ["spec.image"]),
        (
            {"image": NEXT_IMAGE, "config": {"LOG_LEVEL": {"value": "debug"}}},
            Reason.IMAGE_CHANGED,
            ["spec.config.LOG_LEVEL.value", "spec.image"],
        ),
        ({"config": {}}, Reason.CONFIG_CHANGED, ["spec.config"]),
        (
            {"config": {"LOG_LEVEL": {"value": "info"}, "DEBUG": {"value": "1"}}},
            Reason.CONFIG_CHANGED,
            ["spec.config.DEBUG"],
        ),
        (
            {"backingServices": [{**BINDING, "version": "16"}]},
            Reason.CONFIG_CHANGED,
            ["spec.backingServices[db].version"],
        ),
        (
            {"processes": {"web": {**WEB, "command": ["order", "serve"]}, "relay": RELAY}},
            Reason.SPEC_CHANGED,
            ["spec.processes.web.command"],
        ),
        ({"processes": {"web": WEB}}, Reason.SPEC_CHANGED, ["spec.processes.relay"]),
        (
            {"release": {"migrate": {**MIGRATE, "timeoutSeconds": 5}}},
            Reason.SPEC_CHANGED,
            ["spec.release.migrate.timeoutSeconds"],
        ),
        (
            {"processes": {"web": {**WEB, "nodeSelector": {"example.com/disk": "ssd"}}, "relay": RELAY}},
            Reason.SPEC_CHANGED,
            ["spec.processes.web.nodeSelector"],
        ),
    ],
    ids=[
        "image",
        "image and config",
        "no config",
        "variable",
        "binding",
        "command",
        "process",
        "migration",
        "selector",
    ],
)
def test_a_changed_spec_is_told_by_its_fields(
    serving: World, edit: dict[str, Any], reason: Reason, fields: list[str]
) -> None:
    serving.edit(**edit)
    assert cut(serving) == {"reason": reason.value, "changes": {"fields": fields}}


def test_the_first_release_is_all_new(serving: World) -> None:
    assert cut(serving) == {"reason": "SpecChanged", "changes": {"fields": ["spec"]}}


def test_a_rotated_secret_is_told_by_its_keys(serving: World) -> None:
    serving.contents[SECRET] = {"url": "postgres://rotated", "other": "y"}
    references = [{"kind": "Secret", "name": "db-credentials", "keys": ["url"]}]
    assert cut(serving) == {"reason": "SecretRotated", "changes": {"references": references}}
    assert "rotated" not in str(serving.release(2)["spec"]["changes"])


def test_a_binding_that_is_added_is_a_field_and_a_secret(serving: World) -> None:
    serving.contents[SECRET[0], "cache"] = {"addr": "redis:6379"}
    serving.edit(backingServices=[BINDING, CACHE])
    assert cut(serving) == {
        "reason": "ConfigChanged",
        "changes": {
            "fields": ["spec.backingServices[cache]"],
            "references": [{"kind": "Secret", "name": "cache", "keys": ["addr"]}],
        },
    }


def test_keys_are_not_guessed_when_the_release_before_did_not_keep_them(serving: World) -> None:
    body = serving.release(1)
    (reference,) = body["spec"]["references"]
    del reference["keys"]
    serving.add(body)
    serving.contents[SECRET] = {"url": "postgres://rotated"}
    assert cut(serving)["changes"] == {"references": [{"kind": "Secret", "name": "db-credentials"}]}


def test_of_a_large_object_no_keys_are_kept() -> None:
    world = World(
        builders.spec(migrate=False, backingServices=[], configFrom=[{"name": "all", "secret": "db-credentials"}])
    )
    world.contents[SECRET] = {f"K{number}": "x" for number in range(17)}
    world.run()
    assert "keys" not in world.release(1)["spec"]["references"][0]
    world.contents[SECRET] = {"K0": "x"}
    assert cut(world) == {
        "reason": "SecretRotated",
        "changes": {"references": [{"kind": "Secret", "name": "db-credentials"}]},
    }


def test_a_rollback_and_a_retry_say_what_asked_for_them(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    serving.policy(rollbackTo=1)
    assert cut(serving) == {"reason": "Rollback", "changes": {"fields": ["spec.release.rollbackTo"]}}
    serving.policy(rollbackTo=None)
    assert cut(serving) == {
        "reason": "ImageChanged",
        "changes": {"fields": ["spec.release.rollbackTo", "spec.image"]},
    }
    serving.edit(image=f"{NEXT_IMAGE}-b")
    serving.settle()
    serving.job_ends(5, code=1)
    serving.settle()
    serving.annotate(names.RETRY, "order-r5")
    assert cut(serving) == {"reason": "Retry", "changes": {"fields": ["metadata.annotations[delivery.dev/retry]"]}}


def test_many_changes_are_counted_beyond_a_number() -> None:
    fields = changes.of_spec({"config": {}}, {"config": {f"V{number:02}": {"value": ""} for number in range(40)}})
    references = [{"kind": "Secret", "name": f"s{number:02}", "hash": "1"} for number in range(33)]
    told = Changes(fields, changes.of_references([], references)).told()
    assert (len(told["fields"]), len(told["references"]), told["omitted"]) == (FIELDS_LIMIT, FIELDS_LIMIT, 9)


def test_what_differs_only_in_a_list_without_names_is_the_list() -> None:
    assert changes.of_spec({"spread": ["zone"]}, {"spread": ["zone", "host"]}) == (("spec", "spread"),)


@pytest.mark.parametrize(
    ("references", "reason"),
    [
        ([{"kind": "ConfigMap"}], Reason.CONFIG_CHANGED),
        ([{"kind": "ConfigMap"}, {"kind": "Secret"}], Reason.CONFIG_CHANGED),
        ([{"kind": "Secret"}], Reason.SECRET_ROTATED),
        ([], Reason.CONFIG_CHANGED),
    ],
)
def test_reason_by_references(references: list[dict[str, str]], reason: Reason) -> None:
    assert Changes((), tuple(references)).reason is reason

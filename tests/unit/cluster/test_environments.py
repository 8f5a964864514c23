"""Environments and their templates: what a service gets from the one that it names."""

from pathlib import Path
from typing import Any

import pytest

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.cluster.environments import Environments
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.store import Store
from tests.unit.support import builders
from tests.unit.support.api import FakeApi

OURS = builders.BUNDLE.sources["configmap"].replace("immutable: true", "immutable: true\n")


class Scene:
    """Environments with their API server."""

    def __init__(self, folder: Path | None = None, scopes: tuple[str | None, ...] = ("shop",)) -> None:
        self.api = FakeApi()
        self.store = Store()
        self.reach = Reach(scopes)
        self.changed: list[tuple[str, str]] = []
        self.named: list[tuple[str, str]] = []
        self.referenced = Referenced(self.api, b"k" * 32, self.reach, "system", self.changed.append)
        self.environments = Environments(
            self.api,
            self.store,
            self.referenced,
            builders.BUNDLE,
            "system",
            folder,
            reach=self.reach,
            named=self.named.append,
        )

    def environment(self, **spec: Any) -> DeliveryEnvironmentSpec:
        metadata = {"name": "production"}
        self.store.put(self.api.put({"kind": "DeliveryEnvironment", "metadata": metadata, "spec": spec}))
        return DeliveryEnvironmentSpec.model_validate(spec)

    def config_map(self, **data: str) -> None:
        metadata = {"name": "ours", "namespace": "system"}
        self.api.put(
            {
                "kind": "ConfigMap",
                "metadata": metadata,
                "data": {f"{name}.yaml.j2": text for name, text in data.items()},
            }
        )

    async def fault(self) -> str:
        return (await self.environments.of("production")).templates.fault


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_the_default_need_not_exist(scene: Scene) -> None:
    found = await scene.environments.of("default")
    assert (found.spec, found.obstacle) == (DeliveryEnvironmentSpec(), None)
    assert found.templates.bundle is builders.BUNDLE


async def test_any_other_must(scene: Scene) -> None:
    found = await scene.environments.of("production")
    assert found.obstacle is not None
    assert found.obstacle.reason == "EnvironmentMissing"
    assert "correct spec.environment" in found.obstacle.message


async def test_one_that_cannot_be_read_is_in_the_way(scene: Scene) -> None:
    metadata = {"name": "production"}
    scene.store.put(scene.api.put({"kind": "DeliveryEnvironment", "metadata": metadata, "spec": {"tier": "moon"}}))
    found = await scene.environments.of("production")
    assert found.obstacle is not None
    assert found.obstacle.reason == "EnvironmentInvalid"


async def test_without_templates_of_its_own_it_has_the_operators(scene: Scene) -> None:
    spec = scene.environment(tier="production")
    found = await scene.environments.of("production")
    assert (found.spec, found.templates.bundle) == (spec, builders.BUNDLE)


async def test_templates_from_a_config_map_are_laid_over_the_operators_and_read_once(scene: Scene) -> None:
    scene.environment(templates={"configMap": "ours"})
    scene.config_map(configmap=OURS)
    found = await scene.environments.of("production")
    assert found.templates.fault == ""
    assert found.templates.bundle.sources == {**builders.BUNDLE.sources, "configmap": OURS}
    requests = len(scene.api.requests)
    await scene.environments.of("production")
    assert len(scene.api.requests) == requests


async def test_a_change_of_the_config_map_is_told_and_taken_in(scene: Scene) -> None:
    spec = scene.environment(templates={"configMap": "ours"})
    scene.config_map(configmap=OURS)
    await scene.environments.of("production")
    assert not await scene.environments.refresh("production", spec), "nothing has changed"
    scene.config_map(configmap=OURS + "\n")
    await scene.referenced.relist()
    assert scene.changed == [("", "production")]
    assert await scene.environments.refresh("production", spec)
    assert scene.environments.templates("production").bundle.sources["configmap"] == OURS + "\n"


async def test_faults_are_named(scene: Scene) -> None:
    spec = scene.environment(templates={"configMap": "ours"})
    assert await scene.fault() == "ConfigMap system/ours does not exist"
    for data, said in (
        ({"deploiment": "x"}, "no template is named deploiment.yaml.j2"),
        ({"deployment": "{{ nothing }}"}, "template deployment.yaml.j2"),
        ({"deployment": "{% if %}"}, "template deployment.yaml.j2"),
    ):
        scene.config_map(**data)
        assert await scene.environments.refresh("production", spec)
        assert said in await scene.fault()
        found = await scene.environments.of("production")
        assert found.templates.bundle is builders.BUNDLE, "what is not whole is not used"
        await scene.environments.refresh("production", spec)


async def test_templates_from_a_folder(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    spec = scene.environment(templates={"folder": "ours"})
    assert f"folder {tmp_path}/ours does not exist" in await scene.fault()
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "configmap.yaml.j2").write_text(OURS)
    assert await scene.environments.refresh("production", spec)
    assert scene.environments.templates("production").bundle.sources["configmap"] == OURS
    (tmp_path / "ours" / "configmap.yaml.j2").write_bytes(b"\xff\xfe")
    await scene.environments.refresh("production", spec)
    assert "cannot be read" in await scene.fault()


async def test_a_folder_without_a_place_to_look(scene: Scene) -> None:
    scene.environment(templates={"folder": "ours"})
    assert "DELIVERY_OPERATOR_TEMPLATES_DIR" in await scene.fault()


async def test_an_environment_that_is_gone_is_forgotten(scene: Scene) -> None:
    scene.environment(templates={"configMap": "ours"})
    scene.config_map(configmap=OURS)
    await scene.environments.of("production")
    scene.environments.forget("production")
    scene.config_map(configmap=OURS + "\n")
    await scene.referenced.relist()
    assert scene.changed == []


async def test_an_operator_of_some_namespaces_speaks_for_what_its_services_name(scene: Scene) -> None:
    """Two such operators would write each other's status back for ever."""
    scene.environment()
    assert not scene.environments.speaks_for("production")
    scene.store.put(builders.service(builders.spec(environment="production")))
    assert scene.environments.speaks_for("production")
    assert scene.named == []
    for _ in range(2):
        await scene.environments.of("production")
    assert scene.named == [("", "production")], "so that its status is written"


async def test_an_environment_that_names_others_since_makes_no_release_with_the_old(scene: Scene) -> None:
    scene.environment(templates={"configMap": "ours"})
    scene.config_map(configmap=OURS)
    await scene.environments.of("production")
    scene.environment()
    found = await scene.environments.of("production")
    assert found.templates.bundle is builders.BUNDLE


def put_service(scene: Scene, name: str, **status: str) -> None:
    metadata = {"name": name, "namespace": "shop"}
    spec = {"environment": "production"}
    scene.store.put(scene.api.put({"kind": "DeliveryService", "metadata": metadata, "spec": spec, "status": status}))


async def test_its_fleet_is_the_services_that_name_it_with_their_releases(scene: Scene) -> None:
    spec = scene.environment(upgrade={"mode": "waves"})
    labels = {"delivery.dev/service": "order"}
    for number in (1, 2):
        metadata = {"name": f"order-r{number}", "namespace": "shop", "labels": labels}
        spec_of = {"service": "order", "templates": f"templates-{number}"}
        scene.store.put(scene.api.put({"kind": "DeliveryRelease", "metadata": metadata, "spec": spec_of}))
    put_service(scene, "order", release="order-r2", activeRelease="order-r1")
    put_service(scene, "payment")
    fleet = await scene.environments.fleet("production", spec)
    assert fleet is not None
    found = {
        each.name: [release.templates if release else None for release in (each.newest, each.active)]
        for each in fleet.members
    }
    assert found == {"shop/order": ["templates-2", "templates-1"], "shop/payment": [None, None]}


async def test_an_operator_that_does_not_see_all_speaks_of_a_fleet_only_where_waves_are_asked_for(scene: Scene) -> None:
    """Two of them would write one condition in turns."""
    spec = scene.environment()
    assert await scene.environments.fleet("production", spec) is None
    assert await Scene(scopes=(None,)).environments.fleet("production", spec) is not None


async def test_services_that_cannot_be_seen_any_more_are_no_part_of_a_fleet() -> None:
    """They would keep their place in a wave for ever, since nothing is done about them."""
    scene = Scene(scopes=("shop", "pay"))
    spec = scene.environment(upgrade={"mode": "waves"})
    put_service(scene, "order")
    body = scene.api.objects["DeliveryService", "shop", "order"]
    scene.store.put(scene.api.put({**body, "metadata": {"name": "order", "namespace": "pay"}}))

    async def members() -> set[str]:
        fleet = await scene.environments.fleet("production", spec)
        return {each.name for each in fleet.members} if fleet else set()

    assert await members() == {"shop/order", "pay/order"}
    scene.reach.set("pay", is_open=False)
    assert await members() == {"shop/order"}
    found = scene.api.objects["DeliveryEnvironment", "", "production"]
    scene.store.put(scene.api.put({**found, "status": {"upgrade": {"failed": ["pay/order", "shop/order", "x/y"]}}}))
    fleet = await scene.environments.fleet("production", spec)
    assert fleet is not None
    assert fleet.unseen == {"pay/order"}, "it goes on stopping the waves; those of others are not this operator's"
    scene.reach.set("shop", is_open=False)
    assert not scene.environments.speaks_for("production"), "another operator may serve them by now"

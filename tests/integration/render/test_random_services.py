"""What admission takes can be rendered, and the API server takes what comes out."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from delivery_operator.api import environment, service
from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.cluster.resources import BY_KIND
from delivery_operator.render import bundle as bundles
from delivery_operator.render.manifests import Manifest, render, scaling
from delivery_operator.render.platform import OPTIONAL, Platform
from tests.support import generate
from tests.support.kube import Kube, Object, RequestFailed

NAMESPACE: Final = "default"
BUNDLE: Final = bundles.load()
RANDOM = settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # a smaller example would take minutes to find
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.mark.timeout(600)
def test_what_admission_takes_becomes_manifests_that_the_api_server_takes(extended_kube: Kube) -> None:
    @RANDOM
    @given(generate.objects(service.KIND, NAMESPACE), generate.objects(environment.KIND))
    def check(body: Object, surroundings: Object) -> None:
        refused = [said for manifest in _manifests(body, surroundings) if (said := _refusal(extended_kube, manifest))]
        assert refused == []

    check()


def _manifests(body: Object, surroundings: Object) -> Iterator[Manifest]:
    spec = DeliveryServiceSpec.model_validate(body["spec"])
    platform = Platform(
        DeliveryEnvironmentSpec.model_validate(surroundings["spec"]),
        frozenset(OPTIONAL),
        {each.name: "bound" for each in spec.backing_services},
    )
    whole: Any = (body["metadata"]["name"], NAMESPACE, spec, BUNDLE, platform)
    yield from render(*whole)
    yield from scaling(*whole)


def _refusal(kube: Kube, manifest: Manifest) -> str:
    body = {**manifest, "metadata": {**manifest["metadata"], "namespace": NAMESPACE}}
    path = BY_KIND[manifest["kind"]].path(NAMESPACE)
    try:
        kube.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", body)
    except RequestFailed as refused:
        return str(refused)
    return ""

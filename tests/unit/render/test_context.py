"""What the templates are given."""

import pytest

from delivery_operator.render import names
from delivery_operator.render.manifests import Manifest, render
from tests.unit.support import builders


def config_map(fields: builders.Spec) -> Manifest:
    manifests = render("order", "shop", builders.parsed(fields), builders.BUNDLE)
    (found,) = [each for each in manifests if each["kind"] == "ConfigMap"]
    return found


@pytest.mark.parametrize(
    ("revision", "version"),
    [
        pytest.param("v1.4.2", "v1.4.2", id="a tag"),
        pytest.param("v1.4.2+build.7", "v1.4.2_build.7", id="a label has no plus"),
        pytest.param("1.0.0-" + "a" * 80, "1.0.0-" + "a" * 57, id="a label has 63 characters"),
        pytest.param("1.0.0-" + "a" * 56 + "-b", "1.0.0-" + "a" * 56, id="a label ends with a letter or digit"),
        pytest.param("3f9c2ab", "3f9c2ab", id="a commit"),
    ],
)
def test_the_revision_is_a_label_as_far_as_it_fits_and_an_annotation_whole(revision: str, version: str) -> None:
    """F1-1, F5-3."""
    spec = builders.spec(codebase={"repository": "https://git.example.com/shop/order", "revision": revision})
    for manifest in render("order", "shop", builders.parsed(spec), builders.BUNDLE):
        assert manifest["metadata"]["labels"]["app.kubernetes.io/version"] == version
        assert manifest["metadata"]["annotations"] == {
            names.REPOSITORY: "https://git.example.com/shop/order",
            names.REVISION: revision,
        }


def test_literals_are_one_immutable_config_map_named_by_its_content() -> None:
    """F3-4; a hashed name keeps an older release's literals beside the new ones."""
    first = config_map(builders.spec())
    again = config_map(builders.spec(image=builders.NEXT_IMAGE))
    other = config_map(builders.spec(config={"LOG_LEVEL": {"value": "debug"}}))
    assert first == again
    assert first["metadata"]["name"] != other["metadata"]["name"]
    assert first["metadata"]["name"].startswith("order-config-")
    assert first["immutable"] is True


def test_a_service_without_literals_has_no_config_map() -> None:
    manifests = render("order", "shop", builders.parsed(builders.spec(config={})), builders.BUNDLE)
    assert "ConfigMap" not in {each["kind"] for each in manifests}
    (deployment, *_) = [each for each in manifests if each["kind"] == "Deployment"]
    assert "envFrom" not in deployment["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("child", [names.deployment, names.network_service])
def test_the_longest_names_fit(child: object) -> None:
    """A DNS label has at most 63 characters; the API admits services of 40 and processes of 20."""
    service, process = "s" * 40, "p" * 20
    assert callable(child)
    assert len(child(service, process)) <= 63
    assert len(names.job(service, 99_999, names.MIGRATE)) <= 63
    assert len(names.config_map(service, "0" * 64)) <= 63


def test_names_of_children() -> None:
    """F5-9, F7-4, F7-8, F12-6."""
    assert names.deployment("myapp", "web") == "myapp-web"
    assert names.network_service("myapp", "web") == "myapp-service"
    assert names.network_service("order", "admin") == "order-admin"
    assert names.job("order", 7, names.MIGRATE) == "order-r7-migrate"

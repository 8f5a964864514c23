"""What the demo runs for services is read from their manifests, and what they name is there."""

import pytest

from demo import backing
from demo.__main__ import FULL, SERVICES
from demo.images import BACKING, EXAMPLES


def names(*services: str) -> set[str]:
    return {each.name for each in backing.needed(services)}


def test_what_a_service_is_attached_to() -> None:
    assert names("order") == {"postgresql", "kafka"}
    assert names("stand-ins") == set()
    assert names(*FULL) == {each.name for each in backing.SERVERS.values()}


@pytest.mark.parametrize("service", FULL)
def test_every_secret_and_key_that_a_manifest_names_is_made(service: str) -> None:
    made = {name: make() for server in backing.needed([service]) for name, make in server.secrets.items()}
    for binding in backing.manifest(service)["spec"].get("backingServices", []):
        assert set(binding["env"].values()) <= set(made[binding["secret"]]), binding["name"]


@pytest.mark.parametrize("server", backing.needed(FULL), ids=lambda each: each.name)
def test_every_server_has_its_manifest_and_its_images(server: backing.Server) -> None:
    text = (backing.FOLDER / f"{server.name}.yaml").read_text()
    for image in server.images:
        assert (EXAMPLES / "backing" / image / "Dockerfile").is_file()
        assert f"image: {BACKING[image].removeprefix('docker.io/').removeprefix('library/')}\n" in text


def test_the_short_demo_is_a_part_of_the_full_one() -> None:
    assert set(SERVICES) < set(FULL)

"""The example services are what the template makes of their answers, in all that the template owns (OP-13)."""

from pathlib import Path

import pytest
import yaml

from delivery_operator.cli import scaffold

EXAMPLES = Path(__file__).parents[3] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob(f"*/{scaffold.ANSWERS}"))
NOT_OF_THE_SHOP = {"stand-ins"}  # programs of others, in an image with what tests need
PROJECT = Path("pyproject.toml")
OWNED_TABLES = "[tool.uv]\n"  # what is above them, such as the dependencies, is the service's own


def owned(path: Path, text: str) -> str:
    return OWNED_TABLES + text.partition(OWNED_TABLES)[2] if path == PROJECT else text


def rewrite(example: Path, path: Path, text: str) -> None:
    place = example / path
    if path == PROJECT:
        text = place.read_text().partition(OWNED_TABLES)[0] + owned(path, text)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_the_files_of_the_template(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    example, made = EXAMPLES / name, tmp_path / name
    scaffold.skeleton(yaml.safe_load((example / scaffold.ANSWERS).read_text()), made)
    texts = {path.relative_to(made): path.read_text() for path in made.rglob("*") if path.is_file()}
    assert {Path("Dockerfile"), Path("Makefile"), PROJECT, Path(scaffold.ANSWERS)} <= set(texts)
    for path, text in texts.items():
        if request.config.getoption("--golden", "check") == "write":
            rewrite(example, path, text)
        assert (example / path).is_file(), f"run `make golden`: examples/{name}/{path} is not there"
        kept = (example / path).read_text()
        assert owned(path, kept) == owned(path, text), "change templates/service/skeleton or the answers, `make golden`"


def test_every_service_has_its_answers() -> None:
    services = {path.parent.name for path in EXAMPLES.glob("*/deliveryservice.yaml")}
    assert services - NOT_OF_THE_SHOP == set(NAMES)
    assert len(NAMES) == 5

"""A bundle is whole, or it is refused when it is loaded."""

from pathlib import Path

import pytest

from delivery_operator.render import bundle
from delivery_operator.render.errors import RenderError, TemplateError
from tests.unit.support import builders


def test_the_platforms_own_templates_are_whole_and_compile() -> None:
    assert set(bundle.load().templates) == set(bundle.NAMES)


def test_a_folder_can_replace_them(tmp_path: Path) -> None:
    for name, source in builders.BUNDLE.sources.items():
        (tmp_path / f"{name}.yaml.j2").write_text(source)
    (tmp_path / "README.md").write_text("not a template")
    assert bundle.load(tmp_path).digest == builders.BUNDLE.digest


@pytest.mark.parametrize("name", bundle.NAMES)
def test_the_digest_changes_with_any_template(name: str) -> None:
    sources = {**builders.BUNDLE.sources, name: f"{builders.BUNDLE.sources[name]}\n"}
    assert bundle.Bundle(sources).digest != builders.BUNDLE.digest


def test_a_bundle_that_is_not_whole_is_refused_and_says_what_is_wrong() -> None:
    sources = {**builders.BUNDLE.sources, "statefulset": ""}
    del sources["job"]
    with pytest.raises(RenderError, match=r"missing: job; unknown: statefulset"):
        bundle.Bundle(sources)
    with pytest.raises(RenderError, match=r"missing: job; unknown: none"):
        bundle.Bundle({name: text for name, text in sources.items() if name != "statefulset"})


def test_a_template_that_does_not_compile_is_named() -> None:
    broken = bundle.Bundle({**builders.BUNDLE.sources, "job": "{% if %}"})
    with pytest.raises(TemplateError, match=r"template job\.yaml\.j2, line 1"):
        _ = broken.templates

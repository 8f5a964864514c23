"""A bundle is whole, or it is refused when it is loaded."""

from pathlib import Path

import pytest

from delivery_operator.render import bundle
from delivery_operator.render.errors import RenderError, TemplateError
from delivery_operator.render.manifests import render
from tests.unit.support import builders


def test_a_folder_can_replace_them(tmp_path: Path) -> None:
    for name, source in builders.BUNDLE.sources.items():
        (tmp_path / f"{name}.yaml.j2").write_text(source)
    (tmp_path / "README.md").write_text("not a template")
    assert bundle.load(tmp_path).digest == builders.BUNDLE.digest


@pytest.mark.parametrize("name", [*bundle.NAMES, *bundle.PARTS])
def test_the_digest_changes_with_any_template(name: str) -> None:
    sources = {**builders.BUNDLE.sources, name: f"{builders.BUNDLE.sources[name]}\n"}
    assert bundle.Bundle(sources).digest != builders.BUNDLE.digest


def test_a_bundle_that_is_not_whole_is_refused_and_says_what_it_lacks() -> None:
    sources = {name: source for name, source in builders.BUNDLE.sources.items() if name not in {"job", "_pod"}}
    with pytest.raises(RenderError, match=r"lacks _pod\.yaml\.j2, job\.yaml\.j2$"):
        bundle.Bundle(sources)
    with pytest.raises(RenderError, match=r"no template is named statefulset\.yaml\.j2"):
        bundle.Bundle({**builders.BUNDLE.sources, "statefulset": ""})


def test_an_environments_own_templates_replace_those_of_the_same_name() -> None:
    own = builders.BUNDLE.with_overrides({"service": "# ours"})
    assert own.sources == {**builders.BUNDLE.sources, "service": "# ours"}
    assert own.digest != builders.BUNDLE.digest
    assert builders.BUNDLE.with_overrides({}).digest == builders.BUNDLE.digest


def test_an_own_template_that_replaces_nothing_is_refused_and_the_names_there_are_are_listed() -> None:
    with pytest.raises(RenderError) as caught:
        builders.BUNDLE.with_overrides({"deploymnet": ""})
    message = str(caught.value)
    assert message.startswith("no template is named deploymnet.yaml.j2; there are ")
    assert all(f"{name}.yaml.j2" in message for name in (*bundle.NAMES, *bundle.PARTS))


def test_a_folder_may_hold_a_few_templates(tmp_path: Path) -> None:
    (tmp_path / "service.yaml.j2").write_text("# ours")
    (tmp_path / "README.md").write_text("not a template")
    assert bundle.read(tmp_path) == {"service": "# ours"}


def test_a_template_that_does_not_compile_is_named() -> None:
    broken = builders.BUNDLE.with_overrides({"serviceaccount": "{% if %}"})
    with pytest.raises(TemplateError, match=r"template serviceaccount\.yaml\.j2, line 1"):
        render("order", "shop", builders.parsed(builders.spec()), broken)

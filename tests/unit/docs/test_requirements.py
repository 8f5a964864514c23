"""The page of requirements: who proves what, and that nothing is left without a word."""

from pathlib import Path

import pytest
import yaml

from docs.requirements import LIST, PAGE, BadRequirements, named, requirements_page

PREFIXES = ("SO", "F9")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one service, whose one test proves SO-1."""
    items = {"SO-1": {"asks": "Creates orders"}, "SO-2": {"asks": "Flies", "reason": "Nobody | can"}}
    write(tmp_path, {"SO": {"title": "Orders", "items": items}})
    test = tmp_path / "examples/order/tests/test_web.py"
    test.parent.mkdir(parents=True)
    test.write_text('def test_one() -> None:\n    """SO-1."""\n')
    return tmp_path


def write(root: Path, sections: object) -> None:
    (root / LIST).parent.mkdir(parents=True, exist_ok=True)
    (root / LIST).write_text(yaml.safe_dump(sections))


def test_an_item_is_told_with_its_tests_or_its_reason(root: Path) -> None:
    told = requirements_page(root)
    assert "| [SO](#so) Orders | 2 | 1 | 1 |" in told
    assert "| `SO-1` | Creates orders | [order web](../examples/order/tests/test_web.py) |" in told
    assert "| `SO-2` | Flies | Nobody &#124; can |" in told


def test_an_item_with_tests_and_a_reason_has_both(root: Path) -> None:
    items = {"SO-1": {"asks": "Creates orders", "reason": "No others"}}
    write(root, {"SO": {"title": "Orders", "items": items}})
    assert "[order web](../examples/order/tests/test_web.py). No others |" in requirements_page(root)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ({"SO-1": {"asks": "a"}, "SO-2": {"asks": "b"}}, "SO-2 has no proof: name it in the test that proves it"),
        ({"SO-2": {"asks": "b", "reason": "c"}}, "examples/order/tests/test_web.py: names SO-1, which is not in"),
        ({"SO-1": {"asks": "a"}, "SP-1": {"asks": "b", "reason": "c"}}, "SP-1 is in section SO: name it SO- and"),
    ],
)
def test_what_does_not_belong_together_is_named(root: Path, items: dict[str, object], said: str) -> None:
    write(root, {"SO": {"title": "Orders", "items": items}})
    with pytest.raises(BadRequirements, match=said):
        requirements_page(root)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""SO-1, F9-2: what."""\n', {"SO-1", "F9-2"}),
        ('class A:\n    """SO-1..3."""\n', {"SO-1", "SO-2", "SO-3"}),
        ('async def test() -> None:\n    """SO-9..SO-10, and more."""\n', {"SO-9", "SO-10"}),
        ("x = 1  # F9-4\n", {"F9-4"}),
        ('x = "SO-1"\n', set()),
        ('"""UTF-8, SOS-1, F99-1."""\n', set()),
    ],
)
def test_items_are_named_in_docstrings_and_comments(source: str, found: set[str]) -> None:
    assert set(named(source, PREFIXES)) == found


def test_the_page_is_told_of() -> None:
    root = Path(__file__).parents[3]
    assert PAGE.name in (root / "mkdocs.yml").read_text()
    assert str(PAGE) in (root / "CONTRIBUTING.md").read_text()

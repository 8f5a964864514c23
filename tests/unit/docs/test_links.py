"""What the site makes of links that lead out of the documentation."""

import pytest

from docs.links import inward


@pytest.mark.parametrize(
    ("page", "written", "shown"),
    [
        (
            "a.md",
            "[the test](../tests/test_x.py)",
            "[the test](https://git.example.com/shop/blob/main/tests/test_x.py)",
        ),
        ("how-to/a.md", "see [b](../b.md#c).", "see [b](../b.md#c)."),
        ("how-to/a.md", "see [b](../../b.md).", "see [b](https://git.example.com/shop/blob/main/b.md)."),
        ("a.md", "[b](b.md), [c](https://example.com/../c)", "[b](b.md), [c](https://example.com/../c)"),
    ],
)
def test_they_lead_to_the_repository(page: str, written: str, shown: str) -> None:
    assert inward(written, page, "https://git.example.com/shop/") == shown


def test_without_a_repository_they_are_text() -> None:
    assert inward("| [order web](../examples/order/tests/test_web.py), b |", "a.md", None) == "| order web, b |"

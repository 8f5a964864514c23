"""One spelling for one meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_operator.render.canonical import canonical_json, digest, quantity


# Each was given to k8s.io/apimachinery 0.36 (resource.Quantity), the API server's own code, and is what it writes back.
@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1000m", "1"),
        ("2000m", "2"),
        ("1500m", "1500m"),
        ("250m", "250m"),
        ("0.5", "500m"),
        ("0.1", "100m"),
        ("1.0", "1"),
        ("1.50", "1500m"),
        ("0", "0"),
        ("0m", "0"),
        ("0Mi", "0"),
        ("0.0", "0"),
        ("1024Mi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("1.5Gi", "1536Mi"),
        ("128Mi", "128Mi"),
        ("2048Ki", "2Mi"),
        ("1023Ki", "1023Ki"),
        ("0.5Mi", "512Ki"),
        ("0.5Ki", "512"),
        ("0.9765625Ki", "1k"),
        ("0.3Ki", "307200m"),
        ("1024Ti", "1Pi"),
        ("1048576Ti", "1Ei"),
        ("100000", "100k"),
        ("1024", "1024"),
        ("128974848", "128974848"),
        ("1500000", "1500k"),
        ("1.5M", "1500k"),
        ("1000k", "1M"),
        ("0.001k", "1"),
        ("1000000000", "1G"),
        ("2.5T", "2500G"),
        ("1000T", "1P"),
        ("1000000T", "1E"),
        ("99999999999999999999", "99999999999999999999"),
    ],
)
def test_a_quantity_is_spelled_as_the_api_server_stores_it(written: str, stored: str) -> None:
    assert quantity(written) == stored


@pytest.mark.parametrize(("written", "rounded"), [("0.0001", "1m"), ("0.5m", "1m"), ("1.0005", "1001m")])
def test_less_than_a_thousandth_is_rounded_up(written: str, rounded: str) -> None:
    """Kubernetes counts CPU in thousandths; what we write it stores unchanged."""
    assert quantity(written) == rounded


@given(st.integers(0, 10**9), st.sampled_from(["", "m", "k", "Ki", "M", "Mi", "G", "Gi", "T", "Ti"]))
def test_a_canonical_quantity_is_its_own_spelling(number: int, suffix: str) -> None:
    once = quantity(f"{number}{suffix}")
    if not once.endswith(("P", "E", "Pi", "Ei")):  # spellings the API does not admit
        assert quantity(once) == once


def test_equal_values_have_equal_bytes() -> None:
    assert canonical_json({"b": [1, None], "a": "ä"}) == '{"a":"ä","b":[1,null]}'
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    assert digest({"a": 1}) != digest({"a": "1"})
    assert len(digest({})) == 64

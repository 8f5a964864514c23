"""Which database a Secret leads to: equal for all that lead to one, without who logs in (invariants 3 and 8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_operator.api.binding import DATABASES
from delivery_operator.cluster.databases import locations


def identities(namespace: str = "shop", kind: str = "postgresql", **values: str) -> set[str]:
    found = locations({name: value.encode() for name, value in values.items()}, namespace)
    return {each.identity(DATABASES[kind]) for each in found}


ORDER = {"db.shop.svc:5432/order"}


@pytest.mark.parametrize(
    "values",
    [
        {"url": "postgresql://order:secret@db/order"},
        {"url": "postgres://other:p%40ss@db:5432/order?sslmode=require"},
        {"uri": "postgresql+asyncpg://db.shop/order"},
        {"url": "POSTGRESQL://u:p@DB.shop.svc.cluster.local./order#x"},
        {"url": "postgresql://u:p/w@db.shop.svc:5432/order\n"},
        {"jdbc": "jdbc:postgresql://db:5432/order?user=u&password=p"},
        {"dsn": "host=db user=order password='a b' dbname=order"},
        {"dsn": "host=db port=5432 dbname='order'"},
        {"host": "db", "port": "5432", "database": "order", "username": "u", "password": "p"},
        {"Hostname": "db.shop", "dbname": "order"},
        {"host": "10.0.0.1", "url": "postgresql://u@db/order"},
    ],
    ids=lambda values: next(iter(values.values()))[:40].strip(),
)
def test_one_database_in_every_notation(values: dict[str, str]) -> None:
    assert identities(**values) == ORDER


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("postgresql", {"url": "postgresql://u:p@db/other"}, {"db.shop.svc:5432/other"}),
        ("postgresql", {"url": "postgresql://u:p@db:5433/order"}, {"db.shop.svc:5433/order"}),
        ("postgresql", {"url": "postgresql://db.example.com"}, {"db.example.com:5432/"}),
        ("postgresql", {"url": "postgresql://[::1]:5432/order"}, {"[::1]:5432/order"}),
        ("postgresql", {"url": "postgresql://localhost/order"}, {"localhost:5432/order"}),
        ("postgresql", {"url": "postgresql://b,a:5433/order"}, {"a.shop.svc:5433,b.shop.svc:5432/order"}),
        ("postgresql", {"url": "postgresql://b/order", "replica": "postgresql://c/order"}, None),
        ("mysql", {"url": "mysql2://u:p@db/order"}, {"db.shop.svc:3306/order"}),
        ("mysql", {"dsn": "u:p@tcp(db:3307)/order?parseTime=true"}, {"db.shop.svc:3307/order"}),
        ("mysql", {"host": "db"}, {"db.shop.svc:3306/"}),
        ("mongodb", {"uri": "mongodb+srv://u:p@cluster.example.net/order"}, {"cluster.example.net:27017/order"}),
        ("sqlserver", {"url": "jdbc:sqlserver://db:1433;databaseName=order;user=u"}, {"db.shop.svc:1433/order"}),
        ("sqlserver", {"url": "jdbc:sqlserver://db;encrypt=true"}, {"db.shop.svc:1433/"}),
    ],
)
def test_other_databases_are_others(kind: str, values: dict[str, str], expected: set[str] | None) -> None:
    if expected is None:
        expected = {"b.shop.svc:5432/order", "c.shop.svc:5432/order"}
    assert identities(kind=kind, **values) == expected


def test_a_short_name_is_of_its_namespace() -> None:
    value = "postgresql://db/order"
    assert identities("shop", url=value) != identities("pay", url=value)
    assert identities("pay", url="postgresql://db.shop/order") == identities("shop", url=value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "hunter2",
        "https://example.com/path",
        "redis://cache/0",
        "postgresql://",
        "postgresql://a:b:c/order",
        "host=a:b:c dbname=order",
        "user=u dbname=order",
        "u:p@tcp(a:b:c)/order",
    ],
)
def test_what_tells_no_database_is_none(value: str) -> None:
    assert identities(value=value) == set()


@pytest.mark.parametrize("values", [{"host": "a:b:c"}, {"port": "5432", "database": "order"}])
def test_entries_without_a_host_are_none(values: dict[str, str]) -> None:
    assert identities(**values) == set()


@given(
    st.text(st.characters(categories=["L", "N"]), min_size=1), st.text(st.characters(categories=["L", "N"]), min_size=8)
)
def test_no_credential_is_part_of_it(user: str, password: str) -> None:
    """Invariant 8."""
    assert identities(url=f"postgresql://{user}:{password}@db/order", password=password, username=user) == ORDER


@given(st.dictionaries(st.text(max_size=8), st.binary(max_size=40), max_size=3))
def test_whatever_a_secret_holds_it_is_read(values: dict[str, bytes]) -> None:
    for each in locations(values, "shop"):
        assert each.identity(5432)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("run", ["a", "a ", "a=", "a='", "=", "a = '", "postgres://", "u@tcp("])
def test_a_value_of_any_shape_and_size_is_read_in_no_time(run: str) -> None:
    """Whoever may write a Secret must not be able to hold up the services of everybody (invariant 10)."""
    for size in (4096, 1_000_000):
        text = (run * size)[:size]
        assert identities(value=text) in (set(), {f"{text.lower()}/"})

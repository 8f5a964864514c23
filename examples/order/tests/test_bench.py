"""The bench runs, and compares what does the same. How fast that is depends on the machine, and is asserted nowhere."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import create_async_engine

from bench.comparison import compared
from bench.phases import Result
from bench.rows import RowByRow
from bench.variants import ALL, AS_IS, PLAIN, Variant
from chassis.sql.database import opened
from order_service.domain import Change, Item, Order, OrderStatus
from order_service.service import OrderRepository
from order_service.settings import Settings
from order_service.storage.repository import PostgresOrderRepository

ROOT = Path(__file__).parents[1]
NOW = datetime(2024, 7, 13, 10, 30, tzinfo=UTC)
MANY = 50


def test_a_small_run_gives_its_figures(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    less = ["--rounds=1", "--seconds=0.5", "--loads", "create", "change", "--variants", PLAIN.name]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *less, f"--orders={MANY}", f"--out={out}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert set(figures["loads"]) == {"create", "change"}
    for load in figures["loads"].values():
        assert set(load["medians"]) == {AS_IS.name, PLAIN.name}
        for measured in load["medians"].values():
            cpu = measured["service_cpu_ms_per_order"] + measured["postgresql_cpu_ms_per_order"]
            assert measured["cpu_ms_per_order"] == cpu > 0
            assert measured["orders_per_second"] > 0
            assert 0 < measured["p50_ms"] <= measured["p99_ms"]
        assert load["what"] in done.stdout


def test_each_variant_has_its_turn_and_ratios_are_those_of_rounds() -> None:
    turns: list[str] = []

    def run(variant: Variant) -> Result:
        turns.append(variant.name)
        busy = 1 + turns.count(AS_IS.name)  # the machine has ever more to do
        seconds = busy * (4 if variant == PLAIN else 1)
        return Result(100, seconds, None, None, 1.0, 1.0)

    told = compared("load", 3, [AS_IS, PLAIN], run)
    assert turns == [AS_IS.name, PLAIN.name, PLAIN.name, AS_IS.name, AS_IS.name, PLAIN.name]
    assert told["medians"][AS_IS.name]["orders_per_second"] == 100 / 3
    assert told["ratios"][PLAIN.name]["cpu_ms_per_order"] == 1
    assert told["ratios"][PLAIN.name]["p99_ms"] is None
    assert told["ratios"][AS_IS.name]["orders_per_second"] == 1


def test_the_variants_leave_out_each_technique_and_all() -> None:
    assert [each.name for each in ALL] == ["as-is", "no-pool", "no-prepared", "no-batches", "plain"]


async def test_row_by_row_is_the_same_service(database: str, another_database: str) -> None:
    settings = Settings(database_url=SecretStr(database))
    async with opened(settings, "tests") as engine:
        usual = await scenario(PostgresOrderRepository(engine))
    plain = create_async_engine(Settings(database_url=SecretStr(another_database)).database)
    try:
        assert await scenario(RowByRow(plain)) == usual
    finally:
        await plain.dispose()
    assert kept(another_database) == kept(database)


async def scenario(repository: OrderRepository) -> list[object]:
    """What becomes of orders, without the ids, which are made up each time."""
    one, other, unknown = uuid4(), uuid4(), uuid4()
    items = (Item("milk", 2), Item("bread", 1))
    made = [Order(key, "123", items, OrderStatus.PENDING, NOW, f"key-{n}") for n, key in enumerate((one, other))]
    told: list[object] = [(await repository.add(each))[1] for each in made]
    again = Order(uuid4(), "123", items, OrderStatus.PENDING, NOW, "key-0")
    stored, created = await repository.add(again)
    told += [stored.id == one, created]
    paid, delivered = OrderStatus.PAID, OrderStatus.DELIVERED
    for wanted in ({one: paid, other: delivered, unknown: paid}, {one: paid}):
        outcomes = await repository.change(changes(wanted), NOW)
        told.append([outcomes.get(key) for key in (one, other, unknown)])
    return told


def changes(wanted: dict[UUID, OrderStatus]) -> dict[UUID, Change]:
    return {key: Change(str(key), status, {"traceparent": "00"}) for key, status in wanted.items()}


def kept(database: str) -> list[object]:
    with psycopg.connect(database) as connection:
        statements = (
            "SELECT user_id, status, idempotency_key, created_at, changed_at FROM orders ORDER BY idempotency_key",
            "SELECT position, sku, quantity FROM order_items ORDER BY 1, 2, 3",
            "SELECT event, user_id, happened_at, headers FROM outbox ORDER BY id",
        )
        return [connection.execute(each).fetchall() for each in statements]

"""What a person sees who starts the program, also in the wrong way."""

import pytest
from maps_server import KEY
from processes import PICKUP, run

from chassis_testing.network import HOST, free_port
from chassis_testing.program import logged
from chassis_testing.redis import Redis
from chassis_testing.starts import refusal
from delivery_service.domain import Place
from delivery_service.storage.repository import RedisDeliveryRepository


def test_without_a_subcommand_it_says_where_to_look() -> None:
    result = run()
    assert result.returncode == 1
    assert "delivery --help" in result.stderr


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("web", "REDIS_ADDR is required"),
        ("worker", "REDIS_ADDR is required; KAFKA_BROKERS is required; PICKUP_PLACE is required"),
    ],
)
def test_what_is_required_is_named(command: str, says: str) -> None:
    """W-6: no address is made up."""
    assert refusal("delivery", command) == says


def test_a_worker_without_kafka_does_not_start(redis_server: Redis) -> None:
    brokers = f"{HOST}:{free_port()}"
    variables = {"REDIS_ADDR": f"{HOST}:{redis_server.port}", "KAFKA_BROKERS": brokers, "PICKUP_PLACE": PICKUP}
    result = run("worker", **variables)
    assert result.returncode == 1
    assert result.stderr.startswith("delivery: no kafka: ")
    missing = [line["variable"] for line in logged(result.stdout) if line["message"] == "a variable is not set"]
    assert missing == ["MAPS_URL", "MAPS_API_KEY"]  # F3-7: a warning, no more


def test_web_does_not_start_without_redis() -> None:
    """SD-8, F4-6, F3-15."""
    result = run("web", REDIS_ADDR=f"{HOST}:{free_port()}", REDIS_PASSWORD=KEY)
    assert result.returncode == 1
    assert result.stderr.startswith("delivery: no redis: ")
    assert KEY not in result.stdout + result.stderr


async def test_seeding_again_changes_nothing(
    redis_server: Redis, database: str, repository: RedisDeliveryRepository
) -> None:
    variables = {"REDIS_ADDR": f"{HOST}:{redis_server.port}", "REDIS_DB": database}
    assert logged(run("seed", **variables).stdout)[-1]["new"] == 3
    assert len(await repository.near(Place(52.52, 13.41), 10, 10)) == 3
    assert logged(run("seed", **variables).stdout)[-1]["new"] == 0

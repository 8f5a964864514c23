"""The command line: one program, one subcommand per process type."""

from redis import RedisError

from chassis.program import Command, Program
from delivery_service.settings import Settings, WebSettings, WorkerSettings

main = Program(
    name="delivery",
    service="delivery_service",
    purpose="Gives each paid order a courier, and follows it to the door",
    settings=Settings,
    commands={
        "worker": Command("delivery_service.worker:run", "give couriers to orders that Kafka tells of", WorkerSettings),
        "web": Command("delivery_service.web:run", "answer couriers and those who wait for them", WebSettings),
        "seed": Command("delivery_service.seed:run", "create the initial couriers"),
    },
    known={RedisError: lambda error: f"redis refused: {' '.join(str(error).split())}"},
)

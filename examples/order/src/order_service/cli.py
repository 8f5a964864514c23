"""The command line: one program, one subcommand per process type."""

from sqlalchemy.exc import DBAPIError

from chassis.program import Command, Program
from chassis.sql.database import describe
from order_service.settings import KafkaSettings, Settings, WebSettings

main = Program(
    name="order",
    service="order_service",
    purpose="Creates and tracks orders",
    settings=Settings,
    commands={
        "web": Command("order_service.web:run", "answer gRPC calls", WebSettings),
        "relay": Command("order_service.relay:run", "tell Kafka what happens to orders", KafkaSettings),
        "worker": Command("order_service.worker:run", "change orders by what Kafka tells of deliveries", KafkaSettings),
        "migrate": Command("order_service.migrate:run", "bring the database's schema to this release"),
        "seed": Command("order_service.seed:run", "create the initial orders"),
    },
    known={DBAPIError: lambda error: f"the database refused: {describe(error)}"},
)

"""The command line: one program, one subcommand per process type."""

from sqlalchemy.exc import DBAPIError

from chassis.program import Command, Program
from chassis.sql.database import describe
from payment_service.settings import SagaSettings, Settings, WebSettings

main = Program(
    name="payment",
    service="payment_service",
    purpose="Takes payments for orders",
    settings=Settings,
    commands={
        "web": Command("payment_service.web:run", "answer HTTP requests", WebSettings),
        "worker": Command("payment_service.worker:run", "go on with payments that were interrupted", SagaSettings),
        "migrate": Command("payment_service.migrate:run", "bring the database's schema to this release"),
    },
    known={DBAPIError: lambda error: f"the database refused: {describe(error)}"},
)

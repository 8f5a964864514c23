"""The command line: one program, one subcommand per process type."""

from chassis.program import Command, Program
from user_service.settings import Settings, WebSettings

main = Program(
    name="user",
    service="user_service",
    purpose="Keeps users, and knows who is logged in",
    settings=Settings,
    commands={
        "web": Command("user_service.web:run", "answer gRPC calls", WebSettings),
        "migrate": Command("user_service.migrate:run", "bring the database's indexes to this release"),
    },
)

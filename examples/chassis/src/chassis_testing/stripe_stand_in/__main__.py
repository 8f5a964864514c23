"""Runs the stand-in; see `chassis_testing.stripe_stand_in`."""

import os

import uvicorn

from chassis_testing.stripe_stand_in.app import StandIn, Webhook


def main() -> None:
    """Serve until told to stop."""
    variables = os.environ
    webhook = None
    if url := variables.get("WEBHOOK_URL"):
        webhook = Webhook(url, variables["WEBHOOK_SECRET"])
    app = StandIn(variables.get("STRIPE_MOCK_URL"), webhook).app()
    host, port = variables.get("HOST", "0.0.0.0"), int(variables.get("PORT", "12111"))  # noqa: S104 - in a container
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=1)


main()

"""Starts the operator: `python -m delivery_operator`, or `delivery-operator`."""

import asyncio
import sys

import structlog
from pydantic import ValidationError

from delivery_operator.cluster.connection import NoConfiguration
from delivery_operator.cluster.hashkey import HashKeyUnusable
from delivery_operator.render.errors import RenderError
from delivery_operator.runtime import logs, operator
from delivery_operator.runtime.leadership import LeaseLost
from delivery_operator.runtime.settings import Settings


def main() -> int:
    """Run the operator.

    Returns:
        The exit code: 0 when told to stop, 1 after an error or when it led and another does now, 2 when it cannot start
        as it is configured.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            sys.stderr.write(f"delivery-operator: DELIVERY_OPERATOR_{name}: {problem['msg']}\n")
        return 2
    logs.configure(settings.log_level)
    try:
        asyncio.run(operator.run(settings))
    except (NoConfiguration, HashKeyUnusable, RenderError) as error:
        structlog.get_logger(__name__).error("cannot start", error=str(error))
        return 2
    except LeaseLost as error:
        # Another leads, or may soon: begin again as one that stands by.
        structlog.get_logger(__name__).error("stopped: lease lost", error=str(error))
        return 1
    except Exception:  # noqa: BLE001 the last one there is: it is logged as JSON like everything else
        # A part that must not end has ended: start anew, as a pod does, rather than go on half blind.
        structlog.get_logger(__name__).exception("stopped by an error")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""A REST application: described by OpenAPI, asked by the platform's probes, its errors as problems (X-11, X-12)."""

from collections.abc import Mapping

from fastapi import FastAPI
from starlette.responses import JSONResponse, PlainTextResponse, Response

from chassis.errors import RequestError
from chassis.http import problems
from chassis.readiness import Readiness

MAX_BODY_BYTES = 64 * 1024
"""What a request may send; a route may have a limit of its own, below this one."""


def application(
    title: str,
    version: str,
    description: str,
    readiness: Readiness,
    statuses: Mapping[type[RequestError], int] | None = None,
) -> FastAPI:
    """Make an application without any routes but the probes'; `/openapi.json` describes it, and `/docs` shows that.

    Args:
        title: of the service.
        version: of the API.
        description: what it is for.
        readiness: what `/readyz` tells.
        statuses: of errors of the service's own, where they differ from those of what they are derived from.
    """
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        redoc_url=None,
        responses=problems.RESPONSES,
        max_body_size=MAX_BODY_BYTES,
        # The middleware does it, as the interceptor does for gRPC; it has ids for the log also where no span is kept.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    problems.install(app, statuses or {})

    @app.get("/healthz", include_in_schema=False)
    async def alive() -> Response:
        return PlainTextResponse("OK")

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        if readiness.ready:
            return PlainTextResponse("OK")
        return JSONResponse(readiness.reasons, status_code=503)

    return app

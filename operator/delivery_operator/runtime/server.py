"""The operator's HTTP port: /livez, /readyz and /metrics."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.vitals import Vitals


def application(vitals: Vitals, metrics: Metrics) -> web.Application:
    """Build the application; it runs in the operator's event loop, so a loop that hangs fails its probes."""

    async def livez(_: web.Request) -> web.Response:
        fault = vitals.fault()
        if fault is not None:
            return web.json_response({"alive": False, "reason": fault}, status=503)
        return web.json_response({"alive": True})

    async def readyz(_: web.Request) -> web.Response:
        if not vitals.synced:
            return web.json_response({"ready": False, "reason": "the first LIST of everything is not done"}, status=503)
        return web.json_response({"ready": True})

    async def scrape(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", scrape)])
    return app

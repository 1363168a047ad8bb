"""Routes outside workspaces: for load balancers, for Prometheus, and the contract itself."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import conditions
from app.exchange import DATABASE_ERRORS, Services, admit, admit_open
from app.metrics import CONTENT_TYPE
from app.peers import peer
from app.problems import from_database, unavailable
from app.trace import Trace

_READY_SECONDS = 3.0


@cache
def openapi() -> dict[str, Any]:
    """The contract, out of openapi.yaml."""
    return yaml.safe_load(files("app").joinpath("openapi.yaml").read_text(encoding="utf-8"))


@cache
def _openapi_json() -> str:
    return json.dumps(openapi(), ensure_ascii=False)


async def livez(_request: Request, _services: Services, _trace: Trace) -> Response:
    """GET /livez: the process answers. Asks nothing of the database: a restart would not mend that."""
    return _json('{"status": "ok"}')


async def readyz(_request: Request, services: Services, trace: Trace) -> Response:
    """GET /readyz: the pool works, the schema is not older than this release, the process is not stopping."""
    if services.draining:
        raise unavailable("not_ready", "the service is stopping")
    try:
        migration = await services.readiness.ask(lambda: _newest_migration(services, trace))
    except TimeoutError:
        raise unavailable("not_ready", "the database does not answer") from None
    except DATABASE_ERRORS as error:
        problem = from_database(error)
        raise unavailable("not_ready", problem.detail, problem.sqlstate) from error
    if migration is None or migration < services.newest_migration:
        # A newer schema is fine: in a rolling release it is migrated before the last old process stops.
        raise unavailable(
            "not_ready",
            f"the schema is at migration {migration}, this release needs {services.newest_migration}: quire migrate",
        )
    return _json(json.dumps({"status": "ok", "migration": migration}))


async def _newest_migration(services: Services, trace: Trace) -> int | None:
    async with asyncio.timeout(_READY_SECONDS):
        return await services.calls.readiness(trace)


async def metrics(request: Request, services: Services, trace: Trace) -> Response:
    """GET /metrics: open to this machine's own clients, unless a proxy brings them; others need scope metrics."""
    if is_local(request):
        await admit_open(services, trace, peer(request, services.settings.trusted_proxies), "metrics")
    else:
        await admit(request, services, trace, "metrics", "metrics", 1)
    return Response(await services.metrics.exposition(), media_type=CONTENT_TYPE)


async def openapi_json(request: Request, services: Services, trace: Trace) -> Response:
    """GET /openapi.json."""
    await admit_open(services, trace, peer(request, services.settings.trusted_proxies), "public")
    return _json(_openapi_json())


def is_local(request: Request) -> bool:
    """Whether the client is a process of this machine, as far as can be told: loopback, and not through a proxy."""
    if request.client is None or any(name in request.headers for name in ("forwarded", "x-forwarded-for", "via")):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _json(body: str) -> Response:
    return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")


_Handler = Callable[[Request, Services, Trace], Awaitable[Response]]
_ROUTES: tuple[tuple[str, _Handler, str], ...] = (
    ("/livez", livez, "application/json"),
    ("/readyz", readyz, "application/json"),
    ("/metrics", metrics, "text/plain"),
    ("/openapi.json", openapi_json, "application/json"),
)
POLICIES: Mapping[str, str | None] = {
    "/livez": None,  # asks nothing of the database
    "/readyz": None,  # a load balancer's probe is never refused; all of them together ask the database once at a time
    "/metrics": "metrics",
    "/openapi.json": "public",
}
"""Path -> rate policy; None: not limited, and why."""


def routes() -> list[Route]:
    """The routes for Starlette."""
    return [Route(path, _endpoint(path, handler, media), methods=["GET"]) for path, handler, media in _ROUTES]


def _endpoint(path: str, handler: _Handler, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        trace: Trace = request.scope["quire.trace"]
        trace.route = path
        # Prometheus asks for OpenMetrics first, with text/plain as a fallback.
        conditions.check_accept(request.headers, media_type)
        conditions.parameters(request.query_params, ())
        return await handler(request, request.app.state.services, trace)

    return endpoint

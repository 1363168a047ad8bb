"""The API process: ``python -m app.main``, or ``quire serve``."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from app import routes, service_routes
from app.calls import Calls
from app.compression import Compress
from app.exchange import Services
from app.guard import Guard, cross_origin
from app.identity import Identity
from app.limiter import ANONYMOUS, Limiter
from app.metrics import Metrics
from app.middleware import ObserveRequests, answer_http_exception, answer_problem
from app.problems import Problem
from app.protocol import limited
from app.trace import Trace
from app.wake import DrainWaker
from db import logs
from db.embedders import Model, Models
from db.migration_files import Layout, read_migrations
from db.pool import create_pool
from db.settings import Settings, SettingsError

log = logging.getLogger("app.main")

_FINISH_SECONDS = 15  # for requests in flight, when the process is to stop


def _policies() -> set[str]:
    """Rate policies of all routes."""
    named = {action.policy for actions in routes.ACTIONS.values() for action in actions.values()}
    return named | {ANONYMOUS} | {policy for policy in service_routes.POLICIES.values() if policy is not None}


def create_app(settings: Settings) -> Starlette:
    """The application. Its pools are opened by its lifespan, and without waiting: the database may come later.

    Args:
        settings: api_database_url is needed; without monitor_database_url the API's own stands in.

    Raises:
        SettingsError: no database.
    """
    if settings.api_database_url is None:
        raise SettingsError("DATABASE_URL is not set: name a database, or run `quire up`, which brings one")
    newest = read_migrations(Layout().migrations)[-1].number
    api_url, monitor_url = settings.api_database_url, settings.monitor_database_url or settings.api_database_url

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        pool = create_pool(api_url, settings, name="quire-api")
        monitor = create_pool(monitor_url, settings, min_size=0, max_size=1, name="quire-monitor")
        metrics = Metrics(pool, monitor, _policies())
        calls = Calls(pool)
        limiter = Limiter(
            calls, metrics, settings.refusal_cache, settings.jwt_create_users, settings.jwt_workspace_role
        )
        waker = DrainWaker(calls, Trace("wake-indexing", metrics))
        observer = Trace("embedding-model", metrics)

        async def active_model() -> list[Model]:
            name, dimensions, config = await calls.embedding_model(observer)
            return [Model(name, dimensions, "active", json.loads(config))]

        models = Models(settings, active_model)
        app.state.services = Services(
            settings, pool, calls, metrics, limiter, waker, models, Identity(settings), newest
        )
        await pool.open()
        await monitor.open()
        waker.start()
        warming = asyncio.create_task(models.prepare(), name="prepare-models")
        log.info("started", extra={"port": settings.port, "host": settings.host, "migration": newest})
        try:
            yield
        finally:
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)
            await limiter.stop()
            await waker.stop()
            await pool.close(timeout=5)
            await monitor.close(timeout=1)
            models.close()
            log.info("stopped")

    app = Starlette(
        routes=[*routes.routes(), *service_routes.routes()],
        middleware=[
            Middleware(ObserveRequests),
            *cross_origin(settings.cors_origins),
            Middleware(Guard),
            Middleware(Compress),
        ],
        exception_handlers={Problem: answer_problem, HTTPException: answer_http_exception},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a redirected save loses its body; 404 says what is wrong
    return app


def _stopped(_number: int, _frame: FrameType | None) -> None:
    """What is left to do about a signal after uvicorn has stopped."""


class Server(uvicorn.Server):
    """uvicorn that says at the first SIGTERM that it is no longer ready, then finishes what it has begun."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Signal handler."""
        services: Services | None = getattr(getattr(self.config.app, "state", None), "services", None)
        if services is not None:
            services.draining = True
        super().handle_exit(sig, frame)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="quire serve", description="Run the HTTP API. Settings come from the environment; README.md has the table."
    )
    parser.add_argument("--host", help="address to listen on (default: HOST, or 127.0.0.1)")
    parser.add_argument("--port", help="port (default: PORT, or 8000)")
    args = parser.parse_args(argv)
    try:
        environ = dict(os.environ) | {
            name: value for name, value in (("HOST", args.host), ("PORT", args.port)) if value
        }
        settings = Settings.from_env(environ)
        app = create_app(settings)
    except SettingsError as error:
        print(f"quire serve: {error}", file=sys.stderr)
        return 2
    logs.configure("api", settings.log_level)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # who the peer is decides on /metrics and limits: app.peers reads headers itself
        server_header=False,
        http=limited(settings.request_timeout),
        ws="none",
        timeout_graceful_shutdown=_FINISH_SECONDS,
        lifespan="on",
    )
    server = Server(config)
    # uvicorn raises the signal again after it has stopped cleanly: that is exit code 0 here.
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stopped)
        server.run()
    except KeyboardInterrupt:
        pass
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())

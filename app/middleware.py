"""Around every request: its id, its log line, its metrics, and an answer to whatever goes wrong."""

from __future__ import annotations

import logging
import re
import time
import traceback
import uuid
from typing import Any

import psycopg
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.metrics import Metrics
from app.problems import Problem
from app.trace import Trace

log = logging.getLogger("app.requests")

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})
# Of every answer that does not have one of its own. HSTS is the TLS proxy's to send.
_SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)


class ObserveRequests:
    """ASGI middleware; puts a Trace into the scope as ``quire.trace``."""

    def __init__(self, app: ASGIApp) -> None:
        """Args: app: the application inside."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        metrics: Metrics = scope["app"].state.services.metrics
        given = Headers(scope=scope).get("x-request-id", "")
        trace = Trace(given if _REQUEST_ID.match(given) else uuid.uuid4().hex, metrics)
        scope["quire.trace"] = trace
        status = 0

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = trace.request_id
                headers["Server-Timing"] = trace.server_timing()
                for name, value in _SECURITY_HEADERS:
                    headers.setdefault(name, value)
                for name, value in trace.rate_headers.items():
                    headers[name] = value
            await send(message)

        metrics.in_flight.inc()
        try:
            await self._app(scope, receive, observed_send)
        except ClientDisconnect:
            status = status or 499  # nginx's number for a client that went away; nobody is there to answer
        except Exception as error:
            log_fault(trace, error)
            if status:
                raise  # half an answer is out: closing the connection is all that is left
            await fault_response(trace)(scope, receive, observed_send)
        finally:
            metrics.in_flight.dec()
            self._finish(scope, trace, status)

    @staticmethod
    def _finish(scope: Scope, trace: Trace, status: int) -> None:
        seconds = time.perf_counter() - trace.started
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = trace.route or "none"
        trace.metrics.requests.labels(method, route, str(status)).observe(seconds)
        if trace.saves and trace.workspace is not None and status != 499:
            vouched = trace.function is not None and trace.code != "workspace_not_found"
            trace.metrics.saved(trace.workspace, vouched, status, trace.code, seconds)
        line: dict[str, Any] = {
            "request_id": trace.request_id,
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "function": trace.function,
            "sqlstate": trace.sqlstate,
            "code": trace.code,
            "workspace": _shown_id(trace.workspace),
            "user": trace.user_id,
            "limit": trace.decision,
            "token": trace.token_id if trace.decision == "bypassed" else None,
        }
        log.log(
            logging.DEBUG if route in _QUIET and status < 500 else logging.INFO,
            "request",
            extra={name: value for name, value in line.items() if value is not None},
        )


async def answer_problem(request: Request, error: Exception) -> Response:
    """A Problem as an answer: Starlette's handler for it."""
    assert isinstance(error, Problem)
    trace: Trace = request.scope["quire.trace"]
    trace.code = error.code
    trace.sqlstate = error.sqlstate or trace.sqlstate
    if error.status == 500 and error.__cause__ is not None:
        log_fault(trace, error.__cause__)
    if error.code == "overloaded":
        trace.metrics.pool_timeouts.inc()
    return error.response(trace.request_id)


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """No route, or none for this method."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        allowed = ", ".join(sorted(headers.get("Allow", "").split(", ")))
        problem = Problem(405, "method_not_allowed", f"the path takes {allowed}", headers={"Allow": allowed})
    elif error.status_code == 404:
        problem = Problem(404, "not_found", "there is nothing at this path: see /openapi.json")
    else:
        problem = Problem(500, "internal_error", "a fault of the service; request_id finds it in the log")
    return await answer_problem(request, problem)


def fault_response(trace: Trace) -> Response:
    """500 for a fault of ours: the id, and nothing of what happened."""
    problem = Problem(500, "internal_error", "a fault of the service; request_id finds it in the log")
    trace.code = problem.code
    return problem.response(trace.request_id)


def log_fault(trace: Trace, error: BaseException) -> None:
    """Where it happened, in Python and in PL/pgSQL. No messages of Python errors, no quoted data: they hold values."""
    extra: dict[str, Any] = {
        "request_id": trace.request_id,
        "route": trace.route,
        "function": trace.function,
        "error": type(error).__name__,
        "frames": "".join(traceback.format_tb(error.__traceback__)[-8:]),
    }
    if isinstance(error, psycopg.Error) and error.sqlstate:
        context = (error.diag.context or "").splitlines()
        extra["sqlstate"] = error.sqlstate
        # What our own functions raise without a slug, and what the server says of missing objects, names no values.
        if error.sqlstate[:2] in ("P0", "42", "XX"):
            extra["message_primary"] = error.diag.message_primary
        extra["sql_frames"] = [line for line in context if line.startswith("PL/pgSQL function")]
    log.error("fault", extra=extra)


def _shown_id(text: str | None) -> str | None:
    """A workspace id as it may stand in a log: only when it is one."""
    try:
        return None if text is None else str(uuid.UUID(text))
    except ValueError:
        return None

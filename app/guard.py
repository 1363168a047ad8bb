"""What no route takes, refused before any of them: too many or ambiguous headers, long URLs, other origins' scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.problems import Problem
from app.trace import Trace

MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 << 10
MAX_URL_BYTES = 8 << 10
MAX_DEPTH = 128
"""Of JSON: no route takes more; most take half of it, and the database says so (PT413 too_deep)."""

# Two of them can mean one thing to a proxy and another to us.
_ONCE = frozenset({b"authorization", b"content-type", b"content-length", b"host", b"transfer-encoding"})
_CORS_REQUEST = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Prefer",
    "Quire-Priority",
    "X-Request-Id",
)
_CORS_ANSWER = (
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Preference-Applied",
    "Quire-Degraded",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Server-Timing",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
)


def cross_origin(origins: Sequence[str]) -> list[Middleware]:
    """What lets scripts of these origins in; nothing when there are none. Never cookies: tokens are sent by hand."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=list(_CORS_REQUEST),
            expose_headers=list(_CORS_ANSWER),
            allow_credentials=False,
        )
    ]


class Guard:
    """ASGI middleware, inside ObserveRequests."""

    def __init__(self, app: ASGIApp) -> None:
        """Args: app: the application inside."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        problem = refusal(scope) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
            return
        trace: Trace = Request(scope).scope["quire.trace"]
        trace.code = problem.code
        await problem.response(trace.request_id)(scope, receive, send)


def refusal(scope: Scope) -> Problem | None:
    """Why a request is not looked at, if it is not. Its connection is closed: what follows on it cannot be trusted."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    close = {"Connection": "close"}
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        return Problem(
            431,
            "headers_too_large",
            f"more than {MAX_HEADERS} headers, or {MAX_HEADER_BYTES} bytes of them",
            {"limit": MAX_HEADERS if len(headers) > MAX_HEADERS else MAX_HEADER_BYTES},
            close,
        )
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URL_BYTES:
        return Problem(
            414, "url_too_long", f"the URL has more than {MAX_URL_BYTES} bytes", {"limit": MAX_URL_BYTES}, close
        )
    names = Counter(name for name, _ in headers)
    for name in _ONCE:
        if names[name] > 1:
            shown = name.decode().title()
            return Problem(400, "bad_header", f"{shown} is there {names[name]} times", {"header": shown}, close)
    if scope["http_version"] not in ("1.0", "1.1"):
        return Problem(400, "bad_request", "HTTP/1.1 is spoken here", headers=close)
    if b"transfer-encoding" in names and (b"content-length" in names or scope["http_version"] == "1.0"):
        return Problem(
            400,
            "bad_header",
            "Transfer-Encoding beside Content-Length, or in HTTP/1.0: where the body ends is a matter of opinion",
            {"header": "Transfer-Encoding"},
            close,
        )
    return None

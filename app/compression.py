"""Answers in gzip for clients that take it.

Not Starlette's GZipMiddleware: that one sends gzip to `gzip;q=0`, leaves the strong ETag of the plain body on the
compressed one, and (in the versions that Quire may run with) compresses on the event loop.

Tokens travel in a header that no browser adds by itself, so what BREACH needs (a victim's secret beside text of the
attacker's choice, asked for many times over) is not there.
"""

from __future__ import annotations

import re
import zlib

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.conditions import takes_gzip

MINIMUM = 1024
"""Bytes: a shorter body fits one packet either way."""

LEVEL = 4
"""Of zlib, measured on a page of 142 KB (862 blocks; one core, Python 3.11): level 1 gives 36 KB in 1.6 ms, 4 gives
32 KB in 1.9 ms, 6 gives 31 KB in 3.1 ms, 9 gives 30 KB in 7.1 ms. Beyond 4 a twentieth of the size costs as
much time again."""

THREAD_MINIMUM = 32 * 1024
"""Bytes: from here on a thread compresses, zlib letting go of the GIL; less holds the event loop for under 0.5 ms.
(anyio's threads: asyncio's own few may all be waiting for a remote embedder.)"""

_GZIP = 16 + zlib.MAX_WBITS
_STRONG = re.compile(r'^"[^"]*"$')


class Compress:
    """ASGI middleware for answers that come in one piece, which all of Quire's do; others pass as they are.

    A compressed answer has the weak form of its ETag (`W/"12"` for `"12"`): two codings of one version are not equal
    byte by byte, which a strong tag would promise (RFC 9110 8.8.3.3). Both forms name the same version, and the API
    takes both in If-Match and If-None-Match. A 304 repeats the form that the client asked about, so that a cache finds
    the answer it kept (RFC 9111 4.3.4).
    """

    def __init__(self, app: ASGIApp) -> None:
        """Args: app: the application inside."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        start: Message | None = None

        async def compressing_send(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message  # held back: its headers depend on the body
                return
            if start is not None:
                begun, start = start, None
                message = await _compress(asked, begun, message)
                await send(begun)
            await send(message)

        await self._app(scope, receive, compressing_send)


async def _compress(asked: Headers, start: Message, message: Message) -> Message:
    """The message of the body, compressed or not; sets the headers of the start to what it is."""
    headers = MutableHeaders(scope=start)
    if start["status"] == 304:
        headers.add_vary_header("Accept-Encoding")
        if f"W/{headers.get('etag')}" in ",".join(asked.getlist("if-none-match")):
            _weaken(headers)
        return message
    body: bytes = message.get("body", b"")
    if len(body) < MINIMUM or message.get("more_body", False) or "content-encoding" in headers:
        return message
    headers.add_vary_header("Accept-Encoding")
    if not takes_gzip(asked):
        return message
    # HEAD too: it says what GET would, Content-Length included; the server drops the body.
    body = await to_thread.run_sync(_gzip, body) if len(body) >= THREAD_MINIMUM else _gzip(body)
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(body))
    _weaken(headers)
    return {**message, "body": body}


def _gzip(body: bytes) -> bytes:
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
    return compressor.compress(body) + compressor.flush()


def _weaken(headers: MutableHeaders) -> None:
    if _STRONG.match(headers.get("etag", "")):
        headers["ETag"] = f"W/{headers['etag']}"

"""A connection of HTTP/1.1: uvicorn's over h11, with refusals as problem documents and a limit on a request's time.

h11 refuses what is no HTTP: conflicting Content-Length, no Host, line ends and names of other shapes. What it lets pass
and Quire does not is in app/guard.py.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from app.problems import Problem

REQUEST_SECONDS = 30.0
"""Default of QUIRE_REQUEST_TIMEOUT."""

_LINGER_SECONDS = 2.0
_LINGER_BYTES = 16 << 20


class Protocol(H11Protocol):
    """One connection. `limited` makes the class for a server."""

    request_seconds = REQUEST_SECONDS
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there: its request has to follow in time."""
        super().connection_made(cast("asyncio.Transport", _Lingering(transport, self)))
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request."""
        transport = cast("_Lingering", self.transport)
        if transport.lingers:
            transport.discard(len(data))
            return
        super().data_received(data)
        if self.conn.their_state is h11.SEND_BODY or (self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]):
            if self._timer is None:
                self._arm()
        else:
            self._disarm()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends nothing more; whether it may still want an answer."""
        transport = cast("_Lingering", self.transport)
        if transport.lingers:
            transport.abort()
            return False
        transport.ended = True
        waits = self._answering()
        if self.conn.their_state is h11.SEND_BODY or (self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]):
            self.conn.receive_data(b"")
            self.handle_events()  # refuses the half of a request
            return True
        if waits:
            self.cycle.keep_alive = False
        return waits

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP. Called by uvicorn where it has caught h11's error."""
        error = sys.exc_info()[1]
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        if status == 431 and b"\n" not in self.conn.trailing_data[0]:
            self._refuse(Problem(414, "url_too_long", "the request line is too long: send what you can in the body"))
        elif status == 431:
            self._refuse(Problem(431, "headers_too_large", "the headers are too long"))
        else:
            self._refuse(Problem(400, "bad_request", "the bytes that came are no request: see RFC 9112"))

    def _answering(self) -> bool:
        """Whether the application is at work on a request."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first
        return cycle is not None and not cycle.response_complete

    def _arm(self) -> None:
        self._timer = self.loop.call_later(self.request_seconds, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._refuse(Problem(408, "request_timeout", f"no request after {self.request_seconds:g} s"))
        elif self.conn.their_state is h11.IDLE or not self._answering():
            self.transport.close()
        else:
            self._arm()  # whoever reads the body has a limit of its own (app.exchange.read_text)

    def _refuse(self, problem: Problem) -> None:
        """Answer without the application, and close."""
        if self._answering():
            self.cycle.disconnected = True  # the application goes on without a client
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            request_id = uuid.uuid4().hex
            response = problem.response(request_id)
            headers = [
                *response.raw_headers,
                (b"x-request-id", request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
                (b"cache-control", b"no-store"),
                (b"connection", b"close"),
            ]
            for event in (
                h11.Response(status_code=problem.status, headers=headers, reason=b""),
                h11.Data(data=bytes(response.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def limited(seconds: float) -> type[Protocol]:
    """The class of connections on which a request has to arrive within so many seconds."""
    return type("LimitedProtocol", (Protocol,), {"request_seconds": seconds})


class _Lingering:
    """A transport that, when it is closed while the client still sends, lets it read the answer first.

    The kernel answers data that nobody reads with a reset, which can overtake the answer. Source: RFC 9112, 9.6.
    """

    def __init__(self, transport: asyncio.Transport, protocol: Protocol) -> None:
        self._transport = transport
        self._protocol = protocol
        self._left = _LINGER_BYTES
        self.lingers = False
        self.ended = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self.lingers:
            self._transport.write(data)

    def is_closing(self) -> bool:
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing():
            return
        conn = self._protocol.conn
        sends = conn.their_state in (h11.SEND_BODY, h11.ERROR) or conn.trailing_data[0]
        if self.ended or not sends or not self._transport.can_write_eof():
            self._transport.close()
            return
        self.lingers = True
        self._transport.write_eof()
        if hasattr(self._transport, "resume_reading"):
            self._transport.resume_reading()
        self._protocol.loop.call_later(_LINGER_SECONDS, self._transport.abort)

    def discard(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            self._transport.abort()

    def abort(self) -> None:
        self._transport.abort()

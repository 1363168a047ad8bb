"""A small real HTTP server on loopback whose answers are written beforehand, faults of a network included."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

WORKSPACE = "00000000-0000-0000-0000-000000000007"
PREFIX = f"/v1/workspaces/{WORKSPACE}"


@dataclass(frozen=True)
class Request:
    """What came in. `path` is below the workspace, header names are lower case, `body` is decoded JSON."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """What goes out."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def encoded(self) -> bytes:
        content = b"" if self.body is None else json.dumps(self.body).encode()
        kind = "application/problem+json" if self.status >= 400 else "application/json"
        headers = {"Content-Type": kind, "Content-Length": str(len(content)), "Connection": "close", **self.headers}
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + content


LOST = "the request is read, the connection is closed without an answer"
TORN = "the connection is closed in the middle of the answer"
Action = Answer | str | Callable[[Request], Answer]


def problem(status: int, code: str, headers: Mapping[str, str] | None = None, **members: Any) -> Answer:
    """A problem document."""
    document = {"type": "about:blank", "title": code, "status": status, "detail": f"Sentence about {code}.", **members}
    return Answer(status, {**document, "code": code, "request_id": "r-1"}, {"X-Request-Id": "r-1", **(headers or {})})


class ScriptedServer:
    """Gives one action to each request, in their order; 500 when there is none left."""

    def __init__(self, *actions: Action) -> None:
        self.actions = list(actions)
        self.requests: list[Request] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def keys(self) -> list[str | None]:
        """The Idempotency-Key of each request."""
        return [request.headers.get("idempotency-key") for request in self.requests]

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        request = _read(connection)
        if request is None:
            return
        self.requests.append(request)
        action = self.actions.pop(0) if self.actions else Answer(500, {"detail": "no action is left"})
        if action == LOST:
            return
        if action == TORN:
            connection.sendall(Answer(200, {"version": 2}).encoded()[:-5])
            return
        answer = action(request) if callable(action) else action
        assert isinstance(answer, Answer)
        connection.sendall(answer.encoded())


@contextmanager
def scripted(*actions: Action) -> Generator[ScriptedServer]:
    """A server with these actions, which all have to be asked for."""
    server = ScriptedServer(*actions)
    try:
        yield server
    finally:
        server.close()
    assert server.actions == [], "not every answer was asked for"


def _read(connection: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    method, target, _ = line.split(" ")
    parts = urlsplit(target)
    assert parts.path.startswith(PREFIX), target
    query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    return Request(method, parts.path.removeprefix(PREFIX), query, headers, json.loads(body) if body else None)

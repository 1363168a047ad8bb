"""The client's logic without its I/O: generators that yield what is to be done and are sent what came of it.

One small loop in `drivers` runs them with blocking I/O, another with async I/O; everything else exists once.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote

import httpx

from app.client.errors import QuireError, RateLimited, Unavailable, from_answer

T = TypeVar("T")
RETRY_SECONDS = 90.0  # more than the 60 s for which a user over the rate limit is blocked
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Send:
    """A request. The driver sends back the answer, or the exception when none came.

    Attributes:
        path: below the workspace, such as `/pages`.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Pause:
    """A wait of so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Give:
    """One item of what is iterated over."""

    item: Any


Reply: TypeAlias = httpx.Response | httpx.RequestError | None
Steps: TypeAlias = Generator[Send | Pause, Reply, T]
Items: TypeAlias = Generator[Send | Pause | Give, Reply, None]


@dataclass
class Session:
    """What the requests of one client share.

    Attributes:
        base_url: such as `https://quire.example`.
        workspace: id of the workspace.
        token: bearer token; never shown.
        priority: Quire-Priority of its saves: interactive, edit or import; None leaves it to the server.
        retry_seconds: how long one request is repeated, waits included.
        on_wait: told the reason when a request has to be repeated for the first time (but not for 429).
        clock: seconds, monotonic.
        stopped: set when nothing is to be waited for any more.
    """

    base_url: str
    workspace: str
    token: str = field(repr=False)
    priority: str | None = None
    retry_seconds: float = RETRY_SECONDS
    on_wait: Callable[[str], None] | None = None
    clock: Callable[[], float] = time.monotonic
    stopped: Callable[[], bool] = lambda: False

    def url(self, path: str) -> str:
        """Path on the server of a path below the workspace."""
        return f"/v1/workspaces/{quote(self.workspace, safe='')}{path}"

    def headers(self) -> dict[str, str]:
        """Those of every request."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return headers if self.priority is None else {**headers, "Quire-Priority": self.priority}


def send(session: Session, request: Send) -> Steps[httpx.Response]:
    """Send a request and repeat it while that can help; a write has an Idempotency-Key, so that it is done once.

    Raises:
        QuireError: an answer that a repetition would not change, by its type; RateLimited or Unavailable after
            retry_seconds, or at once when the server asks for more than is left of them.
    """
    deadline = session.clock() + session.retry_seconds
    pause = _FIRST_PAUSE
    told = False
    while True:
        reply = yield request
        error = _error(session, reply)
        if error is None:
            assert isinstance(reply, httpx.Response)
            return reply
        if not isinstance(error, (RateLimited, Unavailable)):
            raise error
        # Half to full: many clients that lost the server together must not come back together.
        wait = error.retry_after + pause * random.uniform(0.5, 1.0)
        if session.clock() + wait > deadline:
            error.gave_up_after = session.retry_seconds
            raise error
        if session.on_wait is not None and not told and not isinstance(error, RateLimited):
            session.on_wait(str(error))
            told = True
        yield Pause(wait)
        if session.stopped():
            raise error
        pause = min(pause * 2, _LONGEST_PAUSE)


def new_key(key: str | None = None) -> dict[str, str]:
    """The header Idempotency-Key: a key that was given, or a fresh one."""
    return {"Idempotency-Key": key or str(uuid.uuid4())}


def json_of(answer: httpx.Response) -> Any:
    """The decoded body, None when there is none.

    Raises:
        QuireError: it is not JSON.
    """
    try:
        return answer.json() if answer.content else None
    except ValueError as error:
        raise QuireError("the answer is not JSON: is this the URL of a Quire API?", answer.status_code) from error


def _error(session: Session, reply: Reply) -> QuireError | None:
    if isinstance(reply, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)):
        return QuireError(f"the request cannot be sent: {reply}")
    if isinstance(reply, httpx.Response):
        return None if reply.is_success else from_answer(reply)
    return Unavailable(f"no answer from {session.base_url}: {str(reply) or type(reply).__name__}")

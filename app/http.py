"""A small client of Quire's HTTP API for the command line: retries what is worth retrying, types what went wrong."""

import argparse
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

import httpx

from app.quickstart import FILE_NAME, read_env_file

RETRY_SECONDS = 60.0
PAGE_LIMIT = 200


class HttpError(Exception):
    """A request that did not succeed; the message is for people."""


class Unreachable(HttpError):
    """No answer, or only 429 and 503, for as long as the client was willing to try."""


class ApiError(HttpError):
    """An answer that is an error.

    Attributes:
        status: HTTP status.
        code: stable code of the problem document, empty where the answer is none.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{detail} ({status} {code})" if code else f"{detail} ({status})")
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Answer:
    """A successful answer: status, ETag (empty when there is none) and the decoded body."""

    status: int
    etag: str
    body: Any


class ApiClient:
    """Requests to one workspace; may be used by several threads.

    Args:
        base_url: such as `http://127.0.0.1:8000`.
        token: bearer token.
        workspace: id of the workspace.
        retry_seconds: how long one request is repeated after lost connections, 429 and 503.
        on_wait: told the reason when a request has to be repeated for the first time (but not for 429).
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        workspace: str,
        *,
        retry_seconds: float = RETRY_SECONDS,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self._prefix = f"/v1/workspaces/{quote(workspace, safe='')}"
        self._retry_seconds = retry_seconds
        self._stopped = threading.Event()
        self._on_wait = on_wait
        self._http = httpx.Client(
            base_url=base_url.rstrip("/"),
            headers={"Authorization": f"Bearer {token}", "Quire-Priority": "import"},
            timeout=httpx.Timeout(60.0, connect=10.0),
            # A proxy of the environment cannot reach this machine's own loopback.
            trust_env=urlsplit(base_url).hostname not in ("127.0.0.1", "localhost", "::1"),
        )

    def __enter__(self) -> "ApiClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def stop(self) -> None:
        """End the waits of requests that are being repeated; they fail with Unreachable."""
        self._stopped.set()

    def list_pages(self) -> Iterator[dict[str, Any]]:
        """Every page of the workspace without its blocks, newest first."""
        cursor: str | None = None
        while True:
            query = {"limit": str(PAGE_LIMIT), **({"cursor": cursor} if cursor else {})}
            body = self.request("GET", "/pages", query=query).body
            yield from body["pages"]
            cursor = body.get("next_cursor")
            if not cursor:
                return

    def get_page(self, page_id: str) -> Answer:
        """One page with its blocks."""
        return self.request("GET", f"/pages/{page_id}")

    def create_page(self, page_id: str, document: bytes) -> Answer:
        """Create a page; the document is JSON and names the id itself."""
        return self.request("POST", "/pages", content=document)

    def put_page(self, page_id: str, document: bytes, etag: str) -> Answer:
        """Save a whole page if it still has this ETag."""
        return self.request("PUT", f"/pages/{page_id}", content=document, headers={"If-Match": etag})

    def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request and repeat it while that can help.

        Args:
            method: HTTP method.
            path: below the workspace, such as `/pages`.
            query: parameters.
            content: JSON body.
            headers: further headers.

        Raises:
            ApiError: an answer that a repetition would not change.
            Unreachable: no connection, 429 or 503 for `retry_seconds`.
        """
        sent = dict(headers or {})
        if content is not None:
            sent["Content-Type"] = "application/json"
            sent["Prefer"] = "return=minimal"
        deadline = time.monotonic() + self._retry_seconds
        pause = 0.1
        told = False
        while True:
            limited = False
            try:
                answer = self._http.request(method, self._prefix + path, params=query, content=content, headers=sent)
            except httpx.TransportError as error:
                reason = f"no answer from {self._http.base_url}: {error or type(error).__name__}"
                asked = 0.0
            else:
                if answer.status_code not in (429, 502, 503):
                    return _finished(answer)
                reason = str(_problem(answer))
                limited = answer.status_code == 429
                asked = _retry_after(answer)
            # Half to full: many threads that lost the server together must not come back together.
            wait = asked + pause * random.uniform(0.5, 1.0)
            if self._stopped.is_set() or time.monotonic() + wait > deadline:
                raise Unreachable(f"{reason}; gave up after {self._retry_seconds:.0f} s")
            if self._on_wait is not None and not told and not limited:
                self._on_wait(reason)
                told = True
            self._stopped.wait(wait)
            pause = min(pause * 2, 5.0)


def _finished(answer: httpx.Response) -> Answer:
    if not answer.is_success:
        raise _problem(answer)
    try:
        body = answer.json() if answer.content else None
    except ValueError as error:
        raise ApiError(answer.status_code, "", "the answer is not JSON: is this the URL of a Quire API?") from error
    return Answer(answer.status_code, answer.headers.get("ETag", ""), body)


def _problem(answer: httpx.Response) -> ApiError:
    try:
        given: Any = answer.json()
    except ValueError:
        given = None
    problem = cast(dict[str, Any], given) if isinstance(given, dict) else {}
    detail = problem.get("detail") or problem.get("title") or answer.reason_phrase or "the request failed"
    return ApiError(answer.status_code, str(problem.get("code", "")), str(detail))


def _retry_after(answer: httpx.Response) -> float:
    """Seconds that the server asks to wait; only its number form, which is the one that it sends."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else 0.0


@dataclass(frozen=True)
class Target:
    """Where a command sends its requests."""

    url: str
    token: str
    workspace: str


def add_target_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that say which server and workspace a command talks to."""
    group = parser.add_argument_group(
        "server", f"Each is taken from the environment when not given, or else from $DATA/{FILE_NAME} of `quire up`."
    )
    group.add_argument("--url", help="base URL of the API (QUIRE_URL)")
    group.add_argument("--token", help="access token (QUIRE_ADMIN_TOKEN, else QUIRE_TOKEN)")
    group.add_argument("--workspace", metavar="ID", help="id of the workspace (QUIRE_WORKSPACE)")


def find_target(args: argparse.Namespace) -> Target:
    """The target out of options, environment and quickstart.env, in this order.

    The file's values belong to the file's server: with another URL they are not used, so that no token goes astray.

    Raises:
        HttpError: something is missing; the message names it.
    """
    file = Path(os.environ.get("DATA") or "./.data") / FILE_NAME
    try:
        quickstart = read_env_file(file)
    except OSError:
        quickstart = {}
    url = args.url or os.environ.get("QUIRE_URL") or quickstart.get("QUIRE_URL", "")
    if url.rstrip("/") != quickstart.get("QUIRE_URL", "").rstrip("/"):
        quickstart = {}
    sources = (os.environ, quickstart)
    tokens = [source.get(name) for source in sources for name in ("QUIRE_ADMIN_TOKEN", "QUIRE_TOKEN")]
    token = args.token or next((value for value in tokens if value), "")
    workspaces = (source.get("QUIRE_WORKSPACE") for source in sources)
    workspace = args.workspace or next((value for value in workspaces if value), "")
    for value, option, variable in (
        (url, "--url", "QUIRE_URL"),
        (token, "--token", "QUIRE_ADMIN_TOKEN"),
        (workspace, "--workspace", "QUIRE_WORKSPACE"),
    ):
        if not value:
            raise HttpError(f"{option} is missing: give it, set {variable}, or start `quire up`, which writes {file}")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise HttpError(f"--url must be like http://127.0.0.1:8000, not {url}")
    return Target(url, token, workspace)

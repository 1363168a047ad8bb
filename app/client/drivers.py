"""The clients that people use: the steps of `operations` and `page`, run with blocking or with async I/O."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

import anyio
import httpx

from app.client import operations
from app.client.page import PageState
from app.client.steps import RETRY_SECONDS, Give, Items, Pause, Reply, Send, Session, Steps

P = ParamSpec("P")
T = TypeVar("T")

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _blocking(function: Callable[Concatenate[Session, P], Steps[T]]) -> Callable[Concatenate[Client, P], T]:
    @wraps(function)
    def call(self: Client, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(function(self.session, *args, **kwargs))

    return call


def _iterating(function: Callable[Concatenate[Session, P], Items]) -> Callable[Concatenate[Client, P], Iterator[Any]]:
    @wraps(function)
    def call(self: Client, *args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
        return self.iterate(function(self.session, *args, **kwargs))

    return call


def _awaiting(
    function: Callable[Concatenate[Session, P], Steps[T]],
) -> Callable[Concatenate[AsyncClient, P], Awaitable[T]]:
    @wraps(function)
    def call(self: AsyncClient, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self.run(function(self.session, *args, **kwargs))

    return call


def _iterating_async(
    function: Callable[Concatenate[Session, P], Items],
) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[Any]]:
    @wraps(function)
    def call(self: AsyncClient, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Any]:
        return self.iterate(function(self.session, *args, **kwargs))

    return call


def _page_blocking(function: Callable[Concatenate[PageState, P], Steps[T]]) -> Callable[Concatenate[Page, P], T]:
    @wraps(function)
    def call(self: Page, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.client.run(function(self, *args, **kwargs))

    return call


def _page_awaiting(
    function: Callable[Concatenate[PageState, P], Steps[T]],
) -> Callable[Concatenate[AsyncPage, P], Awaitable[T]]:
    @wraps(function)
    def call(self: AsyncPage, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self.client.run(function(self, *args, **kwargs))

    return call


class Page(PageState):
    """A page of a Client. Not for several threads at once."""

    def __init__(self, client: Client, document: dict[str, Any]) -> None:
        super().__init__(client.session, document)
        self.client = client

    save = _page_blocking(PageState.saving)
    refresh = _page_blocking(PageState.refreshing)
    resolve = _page_blocking(PageState.resolving)
    restore = _page_blocking(PageState.restoring)
    delete = _page_blocking(PageState.deleting)


class AsyncPage(PageState):
    """A page of an AsyncClient. It may be edited while it is being saved."""

    def __init__(self, client: AsyncClient, document: dict[str, Any]) -> None:
        super().__init__(client.session, document)
        self.client = client

    save = _page_awaiting(PageState.saving)
    refresh = _page_awaiting(PageState.refreshing)
    resolve = _page_awaiting(PageState.resolving)
    restore = _page_awaiting(PageState.restoring)
    delete = _page_awaiting(PageState.deleting)


def _options(base_url: str, timeout: float, connections: int) -> dict[str, Any]:
    """Arguments of httpx's clients. A proxy of the environment cannot reach this machine's own loopback."""
    return {
        "base_url": base_url.rstrip("/"),
        "timeout": httpx.Timeout(timeout, connect=10.0),
        "limits": httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        "trust_env": urlsplit(base_url).hostname not in _LOOPBACK,
    }


class Client:
    """Requests to one workspace with blocking I/O; may be used by several threads.

    Args:
        base_url: such as `https://quire.example`.
        token: bearer token.
        workspace: id of the workspace.
        priority: how soon search follows its saves: interactive, edit (the server's default) or import.
        retry_seconds: how long one request is repeated after lost connections, 429, 502, 503 and 504, waits included.
        timeout: seconds that one try may wait for the server.
        connections: most that are open at once.
        on_wait: told the reason when a request has to be repeated for the first time (but not for 429).
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        workspace: str,
        *,
        priority: str | None = None,
        retry_seconds: float = RETRY_SECONDS,
        timeout: float = 60.0,
        connections: int = 100,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self._stopped = threading.Event()
        self._http = httpx.Client(**_options(base_url, timeout, connections))
        self.session = Session(
            base_url, workspace, token, priority, retry_seconds, on_wait, stopped=self._stopped.is_set
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def stop(self) -> None:
        """For other threads: requests that wait to be repeated fail at once, and none is repeated from now on."""
        self._stopped.set()

    def create(self, document: dict[str, Any], *, idempotency_key: str | None = None) -> Page:
        """A new page out of `{"title", "properties", "blocks"}`, each optional, and `id` where it is to be yours."""
        return Page(self, _document(self.run(operations.post(self.session, document, idempotency_key=idempotency_key))))

    def get(self, page_id: str, version: int | None = None) -> Page:
        """A page to read and edit; at an old version too, whose edits the server rebases onto the newest."""
        return Page(self, self.run(operations.fetch(self.session, page_id, version)))

    post = _blocking(operations.post)
    fetch = _blocking(operations.fetch)
    pages = _iterating(operations.list_pages)
    put = _blocking(operations.put)
    patch = _blocking(operations.patch)
    merge_patch = _blocking(operations.merge_patch)
    delete = _blocking(operations.delete)
    restore = _blocking(operations.restore)
    batch = _blocking(operations.batch)
    since = _blocking(operations.since)
    changes = _iterating(operations.changes)
    diff = _blocking(operations.diff)
    versions = _blocking(operations.versions)
    name_version = _blocking(operations.name_version)
    forget_version = _blocking(operations.forget_version)
    search = _blocking(operations.search)

    def run(self, steps: Steps[T]) -> T:
        """Do what steps ask for, to their end."""
        reply: Reply = None
        try:
            while True:
                reply = self._do(steps.send(reply))
        except StopIteration as done:
            return done.value
        finally:
            steps.close()

    def iterate(self, steps: Items) -> Iterator[Any]:
        """The items that steps give; the next request is sent when its first item is asked for."""
        reply: Reply = None
        try:
            while True:
                step = steps.send(reply)
                if isinstance(step, Give):
                    yield step.item
                    reply = None
                else:
                    reply = self._do(step)
        except StopIteration:
            return
        finally:
            steps.close()

    def _do(self, step: Send | Pause) -> Reply:
        if isinstance(step, Pause):
            self._stopped.wait(step.seconds)
            return None
        try:
            return self._http.request(**_arguments(self.session, step))
        except httpx.RequestError as error:
            return error


class AsyncClient:
    """Requests to one workspace with async I/O (asyncio or trio). Arguments as Client."""

    def __init__(
        self,
        base_url: str,
        token: str,
        workspace: str,
        *,
        priority: str | None = None,
        retry_seconds: float = RETRY_SECONDS,
        timeout: float = 60.0,
        connections: int = 100,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(**_options(base_url, timeout, connections))
        self.session = Session(base_url, workspace, token, priority, retry_seconds, on_wait)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def create(self, document: dict[str, Any], *, idempotency_key: str | None = None) -> AsyncPage:
        """See Client.create."""
        steps = operations.post(self.session, document, idempotency_key=idempotency_key)
        return AsyncPage(self, _document(await self.run(steps)))

    async def get(self, page_id: str, version: int | None = None) -> AsyncPage:
        """See Client.get."""
        return AsyncPage(self, await self.run(operations.fetch(self.session, page_id, version)))

    post = _awaiting(operations.post)
    fetch = _awaiting(operations.fetch)
    pages = _iterating_async(operations.list_pages)
    put = _awaiting(operations.put)
    patch = _awaiting(operations.patch)
    merge_patch = _awaiting(operations.merge_patch)
    delete = _awaiting(operations.delete)
    restore = _awaiting(operations.restore)
    batch = _awaiting(operations.batch)
    since = _awaiting(operations.since)
    changes = _iterating_async(operations.changes)
    diff = _awaiting(operations.diff)
    versions = _awaiting(operations.versions)
    name_version = _awaiting(operations.name_version)
    forget_version = _awaiting(operations.forget_version)
    search = _awaiting(operations.search)

    async def run(self, steps: Steps[T]) -> T:
        """Do what steps ask for, to their end."""
        reply: Reply = None
        try:
            while True:
                reply = await self._do(steps.send(reply))
        except StopIteration as done:
            return done.value
        finally:
            steps.close()

    async def iterate(self, steps: Items) -> AsyncIterator[Any]:
        """The items that steps give; the next request is sent when its first item is asked for."""
        reply: Reply = None
        try:
            while True:
                step = steps.send(reply)
                if isinstance(step, Give):
                    yield step.item
                    reply = None
                else:
                    reply = await self._do(step)
        except StopIteration:
            return
        finally:
            steps.close()

    async def _do(self, step: Send | Pause) -> Reply:
        if isinstance(step, Pause):
            await anyio.sleep(step.seconds)
            return None
        try:
            return await self._http.request(**_arguments(self.session, step))
        except httpx.RequestError as error:
            return error


def _arguments(session: Session, step: Send) -> dict[str, Any]:
    return {
        "method": step.method,
        "url": session.url(step.path),
        "params": step.query or None,
        "content": step.content,
        "headers": {**session.headers(), **step.headers},
    }


def _document(created: operations.Created) -> dict[str, Any]:
    assert created.document is not None  # only a minimal answer has none
    return created.document

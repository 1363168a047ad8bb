"""Drains for tests: with embedders of the test's, and a look at what they left in the queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg

from db.embedders import Embedder, Limits
from db.pool import Pool, create_pool
from db.settings import Settings, as_role
from worker.drain import Drain

T = TypeVar("T")
MODEL = "test-model"


@asynccontextmanager
async def workers_pool(database: str, most: int = 4) -> AsyncGenerator[Pool]:
    """Connections as quire_worker."""
    pool = create_pool(as_role(database, "quire_worker"), Settings.from_env({}), min_size=1, max_size=most)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


def with_drain(
    database: str,
    embedders: Embedder | Sequence[Embedder],
    work: Callable[[Drain], Coroutine[Any, Any, T]],
    *,
    batch: int = 100,
    lease: float = 60,
    stop: asyncio.Event | None = None,
    limits: Limits | None = None,
) -> T:
    """Run something with a drain, as quire_worker; of several embedders the active one's is first."""

    async def run() -> T:
        async with workers_pool(database) as pool:
            current = only(*embedders) if isinstance(embedders, Sequence) else only(embedders)
            drain = Drain(pool, current, batch=batch, lease_seconds=lease, stop=stop or asyncio.Event(), limits=limits)
            return await work(drain)

    return asyncio.run(run())


def only(*embedders: Embedder) -> Callable[[], Awaitable[list[Embedder]]]:
    """Models in use, the active one first."""

    async def current() -> list[Embedder]:
        return list(embedders)

    return current


async def until_empty(drain: Drain) -> int:
    seen = 0
    drain.wake()
    while rows := await drain.once():
        seen += rows
    return seen


def queue(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select no, lane, attempts, lease_id is not null, last_error from core.indexing_queue order by no"
    ).fetchall()


def put_out(conn: psycopg.Connection, seconds: float) -> None:
    """MODEL's provider was found out once and may be asked again in so many seconds."""
    conn.execute(
        "insert into core.indexing_breakers (model, outages, open_until, reason, changed_at)"
        " values (%s, 1, now() + make_interval(secs => %s), 'answered 503', now())",
        [MODEL, seconds],
    )


def hurry(conn: psycopg.Connection) -> None:
    """What waits for its time is due now (lane 1 keeps the due time in seq)."""
    conn.execute(
        "update core.indexing_queue set run_at = now() - interval '1 s', seq = case lane when 1 then 1 else seq end"
    )

"""What the jobs of one worker process share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
from psycopg_pool import PoolTimeout

from db.embedders import Limits, Models
from db.pool import Pool
from db.settings import Settings
from worker.drain import Drain
from worker.models import create_models

log = logging.getLogger(__name__)


@dataclass
class Context:
    """What the jobs of one worker process share."""

    settings: Settings
    pool: Pool
    concurrency: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    worker: UUID = field(default_factory=uuid4)
    drains: list[Drain] = field(default_factory=list[Drain])
    done: int = 0  # entries worked on by this process
    models: Models = field(init=False)

    def __post_init__(self) -> None:
        self.models = create_models(self.settings, self.pool)

    def take_drain(self) -> Drain:
        """A drainer that nobody uses just now: it remembers how far it had got. Give it back to `drains`."""
        if self.drains:
            drain = self.drains.pop()
            drain.wake()
            return drain
        return Drain(
            self.pool, self.models.current, worker=self.worker, stop=self.stop, limits=Limits.of(self.settings),
            batch=self.settings.index_batch, lease_seconds=self.settings.index_lease_seconds,
        )  # fmt: skip

    async def call(self, statement: LiteralString, *parameters: Any) -> tuple[Any, ...] | None:
        """One autocommit statement; its first row."""
        async with self.pool.connection() as connection:
            return await (await connection.execute(statement, parameters)).fetchone()

    async def rows(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """One autocommit statement; all its rows."""
        async with self.pool.connection() as connection:
            return await (await connection.execute(statement, parameters)).fetchall()


@asynccontextmanager
async def surviving(job: str) -> AsyncGenerator[None]:
    """A job whose database went away ends quietly: it comes again, and a failed job's row would stay."""
    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        log.warning("job cut short", extra={"job": job, "reason": f"{type(error).__name__}: {error}"})


async def unless_stopped(stop: asyncio.Event, step: Coroutine[Any, Any, object]) -> None:
    """A step that is given up as soon as the worker is to stop: a call may wait for a lost database for long."""
    running = asyncio.ensure_future(step)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
    finally:
        for task in (running, stopping):
            task.cancel()
        await asyncio.wait({running, stopping}, timeout=1)
        if running.done() and not running.cancelled():
            running.exception()  # of a step that was given up: nobody else asks for it

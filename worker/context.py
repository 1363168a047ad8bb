"""What the jobs of one worker process share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from psycopg_pool import PoolTimeout

from db.embedders import Embedder
from db.pool import Pool
from db.settings import Settings
from worker.breaker import Breaker

log = logging.getLogger(__name__)


@dataclass
class Context:
    """What the jobs of one worker process share."""

    settings: Settings
    pool: Pool
    embedder: Embedder
    concurrency: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    breaker: Breaker = field(default_factory=Breaker)

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

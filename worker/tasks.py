"""The worker's jobs: drains of the indexing queue, and what runs periodically. procrastinate is the executor.

Two apps for two procrastinate workers: ``control`` must not wait behind drains of 25 seconds. No job has a retry or a
lock (a failing job that holds one stays for ever); all come again by themselves, from the tick or by their schedule.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString
from uuid import UUID

import procrastinate
import psycopg
from procrastinate.jobs import Status
from psycopg_pool import PoolTimeout

from db.embedders import Embedder, Limits, Models
from db.pool import Pool
from db.settings import Settings
from worker.breaker import Breaker
from worker.drain import Drain
from worker.models import create_models

log = logging.getLogger(__name__)

DRAIN_SECONDS = 25.0  # then a fresh job goes on: fair to other jobs, and a restart never waits long
MISSING_PAGES = 200  # looked at by one statement of enqueue_missing
SWEPT_PAGES = 500  # taken out of the index of recent pages by one statement: their rows are locked that long
SNAPSHOTS = 20  # made by one statement of make_snapshots or purge_page_history
PURGED_PAGES = 20  # by one statement of purge_deleted_pages
PURGED_KEYS = 5_000  # by one statement of purge_idempotency_keys
THINNED_PAGES = 500  # looked at by one statement of thin_page_snapshots
DEEP_QUEUE = 20_000  # enqueue_missing waits while that many entries are due


@dataclass
class Context:
    """What the jobs of one worker process share.

    Attributes:
        embedder: of the settings; what the database says is in `models`.
    """

    settings: Settings
    pool: Pool
    embedder: Embedder
    concurrency: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    breaker: Breaker = field(default_factory=Breaker)
    models: Models = field(init=False)

    def __post_init__(self) -> None:
        self.models = create_models(self.settings, self.pool)

    async def call(self, statement: LiteralString, *parameters: Any) -> tuple[Any, ...] | None:
        """One autocommit statement; its first row."""
        async with self.pool.connection() as connection:
            return await (await connection.execute(statement, parameters)).fetchone()


@asynccontextmanager
async def surviving(job: str) -> AsyncGenerator[None]:
    """A job whose database went away ends quietly: it comes again, and a failed job's row would stay."""
    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        log.warning("job cut short", extra={"job": job, "reason": f"{type(error).__name__}: {error}"})


def create_indexing_app(context: Context) -> procrastinate.App:
    """The app with the job that drains."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector())

    @app.task(name="index_drain", queue="indexing", pass_context=True)
    async def index_drain(job: procrastinate.JobContext, slot: int) -> None:  # pyright: ignore[reportUnusedFunction]
        async with surviving("index_drain"):
            settings = context.settings
            active = (await context.models.current())[0]
            drain = Drain(
                context.pool, active, context.breaker, batch=settings.index_batch,
                lease_seconds=settings.index_lease_seconds, stop=context.stop, limits=Limits.of(settings),
            )  # fmt: skip
            begin, rows = time.monotonic(), 0
            while not context.stop.is_set() and not job.should_abort():
                seen = await drain.once()
                rows += seen
                if seen == 0:
                    break
                if time.monotonic() - begin > DRAIN_SECONDS:
                    await context.call("select indexing.wake(%s::integer)", slot + 1)
                    break
            if rows:
                seconds = time.monotonic() - begin
                log.info("drained", extra={"slot": slot, "rows": rows, "seconds": round(seconds, 3)})

    return app


def create_control_app(context: Context) -> procrastinate.App:
    """The app with the periodic jobs. croniter takes the seconds field last."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector())

    @app.periodic(cron="* * * * * */2")
    @app.task(name="index_tick", queue="control", queueing_lock="index_tick")
    async def index_tick(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction]
        """The safety net under wake-ups, and what sets the number of slots."""
        async with surviving("index_tick"):
            await wake_when_behind(context)

    @app.periodic(cron="* * * * * */5")
    @app.task(name="index_sweep", queue="control", queueing_lock="index_sweep")
    async def index_sweep(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction]
        async with surviving("index_sweep"):
            row = await context.call("select returned, dead from indexing.sweep()")
            if row and any(row):
                log.warning("leases of lost workers", extra={"returned": row[0], "dead": row[1]})

    @app.periodic(cron="* * * * * */10")
    @app.task(name="make_snapshots", queue="control", queueing_lock="make_snapshots")
    async def make_snapshots(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction]
        async with surviving("make_snapshots"):
            await _repeat(context, SNAPSHOTS, "select ops.make_snapshots(%s::integer)")

    @app.periodic(cron="* * * * * */30")
    @app.task(name="rescue", queue="control", queueing_lock="rescue")
    async def rescue(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction]
        """Jobs of killed workers. Each in its own try: one bad job must not stop the others."""
        async with surviving("rescue"):
            for job in await app.job_manager.get_stalled_jobs():
                try:
                    assert job.id is not None
                    await app.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
                except Exception:
                    log.exception("cannot rescue a job", extra={"job_id": job.id, "task": job.task_name})

    @app.periodic(cron="7 * * * *")
    @app.task(name="maintenance", queue="control", queueing_lock="maintenance")
    async def maintenance(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction]
        async with surviving("maintenance"):
            await maintain(context)
            await app.job_manager.delete_old_jobs(24, include_failed=True, include_cancelled=True, include_aborted=True)

    @app.periodic(cron="37 * * * *")
    @app.task(name="recent_sweep", queue="control", queueing_lock="recent_sweep")
    async def recent_sweep(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction]
        async with surviving("recent_sweep"):
            await sweep_recent_pages(context)

    @app.periodic(cron="47 2 * * *")
    @app.task(name="thin_snapshots", queue="control", queueing_lock="thin_snapshots")
    async def thin(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction]
        async with surviving("thin_snapshots"):
            await thin_snapshots(context)

    @app.periodic(cron="17 3 * * *")
    @app.task(name="enqueue_missing", queue="control", queueing_lock="enqueue_missing")
    async def enqueue_missing(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction]
        async with surviving("enqueue_missing"):
            await queue_missing(context)

    return app


async def wake_when_behind(context: Context) -> int:
    """Defer drains when entries have been due for more than a second, as many as there is work for; how many."""
    batch = context.settings.index_batch
    row = await context.call(
        "select ready, oldest_seconds from indexing.count_ready(%s::integer)", batch * context.concurrency
    )
    assert row is not None
    ready, oldest_seconds = row
    if not ready or oldest_seconds <= 1.0:
        return 0
    slots = min(context.concurrency, math.ceil(ready / batch))
    deferred = await context.call("select indexing.wake(%s::integer)", slots)
    return int(deferred[0]) if deferred else 0


async def maintain(context: Context) -> None:
    """Partitions ahead of time, and retention of what is finished. At each start and every hour."""
    made = await context.call("select ops.ensure_partitions()")
    gone = await context.call("select partitions, rows from ops.purge_indexing_done()")
    if made and gone and (made[0] or any(gone)):
        log.info(
            "maintenance", extra={"partitions_made": made[0], "partitions_dropped": gone[0], "rows_deleted": gone[1]}
        )
    keys = await _repeat(context, PURGED_KEYS, "select ops.purge_idempotency_keys(%s::integer)")
    pages = await _repeat(context, PURGED_PAGES, "select ops.purge_deleted_pages(%s::integer)")
    months = 0
    while not context.stop.is_set():
        row = await context.call("select months, snapshots from ops.purge_page_history(%s::integer)", SNAPSHOTS)
        months += row[0] if row else 0
        if row is None or row[1] < SNAPSHOTS:
            break
    if keys or pages or months:
        log.info("retention", extra={"answers": keys, "deleted_pages": pages, "months_of_history": months})


async def thin_snapshots(context: Context) -> int:
    """Retention of snapshots, all pages once; how many went."""
    after = (UUID(int=0), UUID(int=0))
    total = 0
    while not context.stop.is_set():
        row = await context.call(
            "select workspace_id, page_id, removed from ops.thin_page_snapshots(%s::uuid, %s::uuid, %s::integer)",
            *(*after, THINNED_PAGES),
        )
        if row is None:
            break
        after = row[0], row[1]
        total += row[2]
    if total:
        log.info("snapshots thinned", extra={"snapshots": total})
    return total


async def _repeat(context: Context, limit: int, statement: LiteralString) -> int:
    """Call what does up to a number of things until it does fewer; how many in all."""
    total = 0
    while not context.stop.is_set():
        row = await context.call(statement, limit)
        total += row[0] if row else 0
        if row is None or row[0] < limit:
            break
    return total


async def sweep_recent_pages(context: Context) -> int:
    """Take all pages that nobody edited for 8 days out of the index of recent pages; how many."""
    total = 0
    while not context.stop.is_set():
        row = await context.call("select ops.sweep_recent_pages(%s::integer)", SWEPT_PAGES)
        if row is None or not row[0]:
            break
        total += row[0]
    if total:
        log.info("pages are recent no longer", extra={"pages": total})
    return total


async def queue_missing(context: Context) -> int:
    """Queue blocks without entry, or without vector by a model in use, without making the queue deep; how many."""
    total = 0
    for embedder in await context.models.current():
        total += await _queue_missing(context, embedder.name)
    if total:
        log.info("blocks without entry or vector queued", extra={"rows": total})
    return total


async def _queue_missing(context: Context, model: str) -> int:
    """All pages once, for one model."""
    after = (UUID(int=0), UUID(int=0))
    total = 0
    while not context.stop.is_set():
        row = await context.call(
            "select workspace_id, page_id, enqueued"
            " from indexing.enqueue_missing(%s::text, %s::uuid, %s::uuid, %s::integer)",
            *(model, *after, MISSING_PAGES),
        )
        if row is None:
            break
        after = row[0], row[1]
        total += row[2]
        while row[2] and not context.stop.is_set():
            ready = await context.call("select ready from indexing.count_ready(%s::integer)", DEEP_QUEUE)
            if ready is None or ready[0] < DEEP_QUEUE:
                break
            await asyncio.sleep(1)
    return total

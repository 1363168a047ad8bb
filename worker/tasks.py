"""The worker's jobs: drains of the indexing queue, and what runs periodically. procrastinate is the executor.

Three apps for three procrastinate workers: ``control``, which is what comes every minute or oftener, must wait neither
behind drains of 25 seconds nor behind ``upkeep``, which may have hours of retention to catch up with. No job has a
retry or a lock (a failing job that holds one stays for ever); all come again by themselves, from the tick or their
schedule.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal
from uuid import UUID

import procrastinate
from procrastinate.jobs import Status

from worker import alerts, periodic
from worker.context import Context, surviving
from worker.periodic import Task

log = logging.getLogger(__name__)

DRAIN_SECONDS = 25.0  # then a fresh job goes on: fair to other jobs, and a restart never waits long
MISSING_PAGES = 200  # looked at by one statement of enqueue_missing
DEEP_QUEUE = 20_000  # enqueue_missing waits while that many entries are due,
DEEP_WAITS = 5  # seconds at most between slices: in an outage nothing becomes less, and texts are to be written

Job = Callable[[Context], Awaitable[int]]


def create_indexing_app(context: Context) -> procrastinate.App:
    """The app with the job that drains."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector())

    @app.task(name="index_drain", queue="indexing", pass_context=True)
    async def index_drain(job: procrastinate.JobContext, slot: int) -> None:  # pyright: ignore[reportUnusedFunction]
        async with surviving("index_drain"):
            drain = context.take_drain()
            begin, rows = time.monotonic(), 0
            try:
                while not context.stop.is_set() and not job.should_abort():
                    seen = await drain.once()
                    rows += seen
                    context.done += seen
                    if seen == 0:
                        break
                    if time.monotonic() - begin > DRAIN_SECONDS:
                        await context.call("select indexing.wake(%s::integer)", slot + 1)
                        break
            finally:
                context.drains.append(drain)
            if rows:
                seconds = time.monotonic() - begin
                log.info("drained", extra={"slot": slot, "rows": rows, "seconds": round(seconds, 3)})

    return app


def create_periodic_app(
    context: Context, tasks: Sequence[Task], queue: Literal["control", "upkeep"]
) -> procrastinate.App:
    """The app with the periodic jobs of a queue.

    Args:
        context: of the process.
        tasks: all that are switched on (`periodic.read_tasks`); each goes to one of the two queues.
        queue: control takes those that come often, upkeep the others.
    """
    app = procrastinate.App(connector=procrastinate.PsycopgConnector())
    jobs = worker_jobs(app)
    for task in tasks:
        if task.often != (queue == "control"):
            continue
        if task.runs_in == "worker" and task.name not in jobs:
            # A newer database, or an older one: the other worker runs it.
            log.warning("unknown periodic work", extra={"task": task.name})
            continue
        body = _body(context, task, jobs.get(task.name))
        app.periodic(cron=task.croniter)(app.task(name=task.name, queue=queue, queueing_lock=task.name)(body))
    return app


def worker_jobs(app: procrastinate.App) -> dict[str, Job]:
    """The bodies of tasks that need this process: `runs_in` worker. Each returns how much it did."""
    return {
        "index_tick": wake_when_behind,
        "enqueue_missing": queue_missing,
        "rescue_jobs": lambda _: rescue(app),
        "send_alerts": alerts.send_alerts,
    }


def _body(context: Context, task: Task, job: Job | None) -> Callable[[int], Awaitable[None]]:
    async def body(timestamp: int) -> None:
        async with surviving(task.name):
            if task.runs_in == "transaction":
                await periodic.run_task(context, task.name)
            elif job is None:
                await periodic.run_statement(context, task)
            else:
                await periodic.run_job(context, task.name, job)

    return body


async def rescue(app: procrastinate.App) -> int:
    """Take away the jobs of killed workers; how many. Each in its own try: one bad job must not stop the others."""
    rescued = 0
    for job in await app.job_manager.get_stalled_jobs():
        try:
            assert job.id is not None
            await app.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
            rescued += 1
        except Exception:
            log.exception("cannot rescue a job", extra={"job_id": job.id, "task": job.task_name})
    return rescued


async def wake_when_behind(context: Context) -> int:
    """Defer drains when entries have been due for more than a second, as many as there is work for; how many.

    The safety net under wake-ups, and what sets the number of slots.
    """
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
        for _ in range(DEEP_WAITS if row[2] else 0):
            ready = await context.call("select ready from indexing.count_ready(%s::integer)", DEEP_QUEUE)
            if ready is None or ready[0] < DEEP_QUEUE or context.stop.is_set():
                break
            await asyncio.sleep(1)
    return total

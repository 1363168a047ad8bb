"""The worker process: ``python -m worker.main``. Keeps search true; see worker/drain.py for how.

It never exits because the database is away: procrastinate's workers end then, and are started again until it is back.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import procrastinate
import psycopg
from procrastinate.worker import Worker
from psycopg_pool import PoolTimeout

from db import logs
from db.embedders import LocalUnavailable, from_settings, model_of_settings
from db.pool import Pool, create_pool
from db.requirements import advice
from db.settings import Settings, SettingsError
from worker import autoscale, periodic, tasks
from worker.context import Context, unless_stopped
from worker.periodic import Task
from worker.registry import keep_registered

log = logging.getLogger(__name__)

STOP_SECONDS = 10.0  # for running batches to finish or be given back
RETRY_SECONDS = 1.0
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, OSError)


class ConfigurationError(Exception):
    """Something that waiting does not mend; the message says what to do."""


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Work until `stop` is set; then finish or give back what is claimed.

    Args:
        settings: of the process; worker_database_url must be set.
        stop: ends the work.

    Raises:
        ConfigurationError: the database has another model, or knows this one with other dimensions; no local model.
    """
    url = settings.worker_database_url
    if url is None:
        raise ConfigurationError("no database: set DATABASE_URL or QUIRE_WORKER_DATABASE_URL")
    try:
        from_settings(settings).close()
    except LocalUnavailable as error:
        raise ConfigurationError(f"QUIRE_EMBEDDER={settings.embedder}: {error}") from error
    count = settings.worker_concurrency
    # Requests of a worker wait as long as they have to: no limit on the queue for a connection.
    pools = replace(settings, pool_max_waiting=10_000)
    pool = create_pool(url, pools, min_size=1, max_size=count + 3, name="quire_worker")
    job_pool = create_pool(
        url, pools, min_size=1, max_size=count + 9, options="-c search_path=procrastinate", name="quire_jobs"
    )
    context = Context(settings, pool, count, stop)
    await pool.open()
    await job_pool.open()
    try:
        schedule: list[Task] = []
        await until_it_works(stop, "start", lambda: prepare(context, schedule))
        if not stop.is_set():
            indexing = tasks.create_indexing_app(context)
            control = tasks.create_periodic_app(context, schedule, "control")
            upkeep = tasks.create_periodic_app(context, schedule, "upkeep")
            log.info(
                "worker started",
                extra={"concurrency": count, "models": [e.name for e in await context.models.current()]},
            )
            await asyncio.gather(
                keep_working(indexing, job_pool, "indexing", count, stop),
                keep_working(control, job_pool, "control", 3, stop),
                keep_working(upkeep, job_pool, "upkeep", 1, stop),
                keep_registered(context),
                until_it_works(
                    stop, "enqueue_missing", lambda: periodic.run_job(context, "enqueue_missing", tasks.queue_missing)
                ),
                until_it_works(stop, "catch_up", lambda: periodic.catch_up(context)),
            )
    finally:
        context.models.close()
        await close(pool)
        await close(job_pool)
        log.info("worker stopped")


async def prepare(context: Context, schedule: list[Task]) -> None:
    """What a start needs done: partitions, the model known, the schedule read. Raises ConfigurationError."""
    try:
        schedule[:] = await periodic.read_tasks(context)
        await context.call("select ops.ensure_partitions()")  # whoever is in charge: they are needed now
        model = model_of_settings(context.settings)
        row = await context.call(
            "select indexing.ensure_model(%s::text, %s::integer, %s::jsonb)",
            *(model.name, model.dimensions, json.dumps(model.config)),
        )
    except psycopg.Error as error:
        if error.diag.constraint_name == "model_dimensions":
            raise ConfigurationError(f"{error.diag.message_primary}: correct QUIRE_EMBEDDING_DIMENSIONS") from error
        if error.diag.constraint_name in ("model_not_active", "bad_model"):
            raise ConfigurationError(str(error.diag.message_primary)) from error
        if error.sqlstate == "42501":
            raise ConfigurationError(
                f"{error.diag.message_primary}: QUIRE_WORKER_DATABASE_URL has to log in as quire_worker"
            ) from error
        if (reason := advice(error)) is not None:
            # A worker may be started before the migration that it needs has ended.
            raise psycopg.OperationalError(reason) from error
        raise
    if row and row[0]:
        log.info("new embedding model", extra={"model": model.name})
    context.models.forget()
    active = (await context.models.current())[0].name
    if active != model.name:
        # Not an error: it is so on every machine after a switch, until its settings are changed.
        log.warning("settings name another model than the active one", extra={"model": active, "settings": model.name})


async def until_it_works(stop: asyncio.Event, what: str, step: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Do a step, again and again while the database is away, until it works or the worker is to stop."""
    while not stop.is_set():
        try:
            await unless_stopped(stop, step())
            return
        except _AWAY as error:
            log.warning("database away, trying again", extra={"step": what, "reason": f"{error}".strip()})
            await pause(stop, RETRY_SECONDS)


async def keep_working(app: procrastinate.App, pool: Pool, queue: str, concurrency: int, stop: asyncio.Event) -> None:
    """Run a procrastinate worker for a queue until `stop`; one that ends before (a lost connection) is replaced."""
    await app.open_async(pool)  # an own pool: nothing is opened here, and it is closed by us
    app.perform_import_paths()
    while not stop.is_set():
        worker = Worker(
            app, queues=[queue], name=queue, concurrency=concurrency, delete_jobs="successful",
            fetch_job_polling_interval=1.0, shutdown_graceful_timeout=STOP_SECONDS, install_signal_handlers=False,
        )  # fmt: skip
        running = asyncio.create_task(worker.run(), name=queue)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if stop.is_set():
            worker.stop()
            # With the database away it would wait for a connection as long as the pool lets it. What it leaves behind
            # is given back by others: its batch when the lease ends, its job when its heartbeat is old.
            await asyncio.wait({running}, timeout=STOP_SECONDS + 1)
        if stop.is_set() and not running.done():
            log.warning("executor left behind", extra={"queue": queue, "reason": "it does not stop"})
            running.add_done_callback(lambda task: task.cancelled() or task.exception())  # the pool is closed under it
            return
        try:
            await running
        except Exception as error:
            log.warning("executor ended", extra={"queue": queue, "reason": f"{type(error).__name__}: {error}".strip()})
        if not stop.is_set():
            await pause(stop, RETRY_SECONDS)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but no longer than until the worker is to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def close(pool: Pool) -> None:
    """Close a pool without waiting for what does not come back."""
    with contextlib.suppress(Exception):
        await pool.close(timeout=2)


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(settings, stop)


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Exit code 2: a setting that cannot be used."""
    parser = argparse.ArgumentParser(
        prog="quire worker",
        description="Index what was saved: embeds changed blocks, keeps search true, runs the periodic jobs. "
        "Start as many as you like; stop them with SIGTERM or Ctrl-C, kill them if you must: nothing is lost.",
        epilog="Settings come from the environment: DATABASE_URL or QUIRE_WORKER_DATABASE_URL, QUIRE_EMBEDDER, "
        "QUIRE_INDEX_BATCH, QUIRE_INDEX_LEASE_SECONDS, QUIRE_LOG_LEVEL. Logs are JSON, one line an event.",
    )
    parser.add_argument(
        "--concurrency", type=int, metavar="N", help="batches at once (default QUIRE_WORKER_CONCURRENCY, 5)"
    )
    parser.add_argument(
        "--autoscale", metavar="MIN:MAX",
        help="run MIN to MAX worker processes, as many as the queue wants (ops.workers_wanted): more at once, fewer "
        "after a cooldown; a killed one is replaced. They end with this process, however it ends. One for a database: "
        "other workers (of quire up, of another machine) are not counted, and two start as many each",
    )  # fmt: skip
    args = parser.parse_args(argv)
    try:
        settings = Settings.from_env()
        if args.concurrency is not None:
            if not 1 <= args.concurrency <= 100:
                raise SettingsError(f"--concurrency is {args.concurrency}: it takes a number from 1 to 100")
            settings = replace(settings, worker_concurrency=args.concurrency)
        bounds = autoscale.parse_bounds(args.autoscale) if args.autoscale is not None else None
        logs.configure("worker", settings.log_level)
        if bounds is not None:
            return autoscale.supervise(settings, *bounds)
        asyncio.run(serve(settings))
    except (SettingsError, ConfigurationError) as error:
        print(f"worker: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

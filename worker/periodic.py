"""Periodic work as ops.periodic_tasks lists it: read at the start, run by procrastinate's schedule, recorded in SQL.

A task of kind `transaction` is one call of ops.run_periodic after the other until nothing is left, each a short
transaction. `session` is a statement that no transaction may hold (VACUUM); `worker` a job of this process.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg
from psycopg.errors import Diagnostic

from worker.context import Context

log = logging.getLogger(__name__)

SCHEDULER = "procrastinate"
_EVERY_MINUTE = "* * * * *"
_CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Task:
    """One row of ops.periodic_tasks.

    Attributes:
        name: of the task.
        cron: when, as pg_cron writes it: "5 seconds", or five fields.
        runs_in: transaction, session or worker.
        statement: what is sent outside a transaction; None unless runs_in is session.
        due: whether it never ran or is late.
    """

    name: str
    cron: str
    runs_in: str
    statement: str | None
    due: bool

    @property
    def often(self) -> bool:
        """Whether it comes once a minute or more often: such tasks must not wait behind hours of retention."""
        return self.cron == _EVERY_MINUTE or self.cron.endswith("seconds")

    @property
    def croniter(self) -> str:
        """Its time for croniter, which takes the seconds field last."""
        return f"* * * * * */{self.cron.removesuffix(' seconds')}" if self.cron.endswith("seconds") else self.cron


async def read_tasks(context: Context) -> list[Task]:
    """The tasks that are switched on."""
    rows = await context.rows(
        "select task, cron, runs_in, statement, last_success_at is null or late_seconds > 0 as due"
        " from ops.list_periodic() where enabled"
    )
    return [Task(name, cron, kind, statement if kind == "session" else None, due)
            for name, cron, kind, statement, due in rows]  # fmt: skip


async def run_task(context: Context, name: str) -> int:
    """Run a task until nothing is left to do, or another scheduler or session has it; how much it did."""
    total, begin = 0, time.monotonic()
    while not context.stop.is_set():
        row = await context.call(
            "select outcome, rows, more, error from ops.run_periodic(%s::text, %s::text)", name, SCHEDULER
        )
        assert row is not None
        outcome, rows, more, error = row
        total += rows
        if outcome == "failed":
            log.warning("periodic work failed", extra={"task": name, "reason": error})
        if not more:
            break
    if total:
        log.info("periodic work", extra={"task": name, "rows": total, "seconds": round(time.monotonic() - begin, 3)})
    return total


async def run_statement(context: Context, task: Task) -> None:
    """Send a statement that no transaction may hold, on a connection of its own; its run is recorded all the same.

    A warning is a failure: VACUUM (SKIP_LOCKED) says so when somebody has the table and it did nothing.
    """
    row = await context.call("select ops.scheduler()")
    if row is None or row[0] != SCHEDULER:
        return
    begin = time.monotonic()
    failure: tuple[str | None, str | None] = (None, None)

    def heed(notice: Diagnostic) -> None:
        nonlocal failure
        if notice.severity_nonlocalized == "WARNING":
            failure = notice.sqlstate, notice.message_primary

    url = context.settings.maintenance_database_url
    assert task.statement is not None
    try:
        if url is None:
            raise psycopg.OperationalError("no database: set QUIRE_MAINTENANCE_DATABASE_URL")
        async with await psycopg.AsyncConnection.connect(
            url, autocommit=True, connect_timeout=_CONNECT_SECONDS, application_name="quire_maintenance"
        ) as connection:
            connection.add_notice_handler(heed)
            await connection.execute(task.statement.encode())
    except psycopg.Error as error:
        failure = describe(error)
    if failure[1]:
        log.warning("periodic work failed", extra={"task": task.name, "reason": failure[1]})
    await record(context, task.name, time.monotonic() - begin, 0, *failure)


async def run_job(context: Context, name: str, job: Callable[[Context], Awaitable[int]]) -> None:
    """Run a job of this process and record it."""
    begin = time.monotonic()
    try:
        rows = await job(context)
    except psycopg.Error as error:
        await record(context, name, time.monotonic() - begin, 0, *describe(error))
        raise
    await record(context, name, time.monotonic() - begin, rows)


async def record(
    context: Context, name: str, seconds: float, rows: int, sqlstate: str | None = None, error: str | None = None
) -> None:
    """Note a run that ops.run_periodic has not noted."""
    await context.call(
        "select ops.record_periodic(%s::text, %s::text, %s::float8, %s::bigint, %s::text, %s::text)",
        *(name, SCHEDULER, seconds, rows, sqlstate, error),
    )


def describe(error: psycopg.Error) -> tuple[str, str]:
    """SQLSTATE (08000 where the server said none: no connection) and the first line of what was said."""
    return error.sqlstate or "08000", str(error).strip().split("\n", 1)[0]


async def catch_up(context: Context) -> None:
    """What should have run while no worker did. Others' runs are theirs."""
    for task in await read_tasks(context):
        if task.due and task.runs_in == "transaction" and not context.stop.is_set():
            await run_task(context, task.name)

"""Periodic jobs, called as their schedule would, as quire_worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import procrastinate
import psycopg
import pytest

from db.pool import create_pool
from db.settings import Settings, as_role
from worker import periodic, tasks
from worker.context import Context
from worker.periodic import Task
from worker.tests import pages

WHOLE = '[{"op": "add", "path": "", "value": {"title": "", "properties": {}, "blocks": []}}]'
VACUUM = Task("vacuum_queue", "* * * * *", "session", "vacuum (skip_locked) core.indexing_queue", True)


@pytest.fixture(autouse=True)
def fresh(conn: psycopg.Connection) -> None:
    conn.execute("truncate ops.periodic_progress, ops.purge_runs")
    conn.execute("update ops.periodic_control set scheduler = 'procrastinate'")


@pytest.fixture
def workspace(conn: psycopg.Connection) -> UUID:
    conn.execute("truncate core.pages, core.page_changes, core.page_snapshots_due, core.idempotency_keys cascade")
    return pages.create_workspace(conn)


def with_context(database: str, work: Callable[[Context], Awaitable[Any]], maintenance: str | None = None) -> Any:
    """Run a job's work as quire_worker."""

    async def run() -> Any:
        settings = replace(Settings.from_env({}), maintenance_database_url=maintenance)
        pool = create_pool(as_role(database, "quire_worker"), settings, min_size=1, max_size=4)
        await pool.open()
        try:
            return await work(Context(settings, pool, concurrency=1))
        finally:
            await pool.close()

    return asyncio.run(run())


def run_task(database: str, name: str) -> int:
    return int(with_context(database, lambda context: periodic.run_task(context, name)))


def progress(conn: psycopg.Connection, task: str, *columns: str) -> tuple[Any, ...] | None:
    """These columns of a task's progress; None where it never ran."""
    row = conn.execute("select to_jsonb(p) from ops.periodic_progress as p where task = %s", [task]).fetchone()
    return row and tuple(row[0][column] for column in columns)


def create_page(conn: psycopg.Connection, workspace: UUID, days: int = 0, deleted: bool = False) -> UUID:
    """A page without blocks, made, or deleted, so many days ago."""
    page = uuid4()
    values = {"w": workspace, "p": page, "ago": timedelta(days=days), "deleted": deleted, "ops": WHOLE}
    conn.execute(
        "insert into core.pages (workspace_id, id, updated_at, deleted_at)"
        " values (%(w)s, %(p)s, now() - %(ago)s, case when %(deleted)s then now() - %(ago)s end)",
        values,
    )
    conn.execute(
        "insert into core.page_changes (workspace_id, page_id, version, at, base_version, kind, ops, undo, touched)"
        " values (%(w)s, %(p)s, 1, now() - %(ago)s, 0, 'create', %(ops)s, '{}', '[]')",
        values,
    )
    return page


def registered(app: procrastinate.App) -> set[str]:
    """Names of an app's periodic jobs."""
    known = cast(dict[Any, Any], app.periodic_registry.periodic_tasks)  # pyright: ignore[reportUnknownMemberType]
    return {job.task.name for job in known.values()}


def test_every_task_of_the_list_is_a_job_of_one_queue(database: str) -> None:
    async def names(context: Context) -> tuple[set[str], list[set[str]]]:
        schedule = await periodic.read_tasks(context)
        apps = [tasks.create_periodic_app(context, schedule, queue) for queue in ("control", "upkeep")]
        return {task.name for task in schedule}, [registered(app) for app in apps]

    listed, (control, upkeep) = with_context(database, names)
    assert control | upkeep == listed
    assert not control & upkeep
    assert {"index_tick", "sweep_leases", "vacuum_queue"} <= control
    assert {"purge_indexing_done", "enqueue_missing"} <= upkeep


def test_a_job_that_only_a_newer_database_knows_is_left_to_newer_workers(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = Task("from_the_future", "5 seconds", "worker", None, False)

    async def names(context: Context) -> set[str]:
        return registered(tasks.create_periodic_app(context, [unknown], "control"))

    assert with_context(database, names) == set()
    assert "unknown periodic work" in caplog.text


@pytest.mark.parametrize(
    ("cron", "often", "croniter"),
    [
        ("5 seconds", True, "* * * * * */5"),
        ("* * * * *", True, "* * * * *"),
        ("7 * * * *", False, "7 * * * *"),
    ],
)
def test_seconds_come_last_for_croniter(cron: str, often: bool, croniter: str) -> None:
    task = Task("t", cron, "transaction", None, False)
    assert (task.often, task.croniter) == (often, croniter)


def test_the_sweep_of_recent_pages_goes_on_until_none_is_left(
    database: str, conn: psycopg.Connection, workspace: UUID
) -> None:
    conn.execute(
        "update ops.periodic_tasks set statement = replace(statement, '500', '2') where task = 'sweep_recent_pages'"
    )
    for _ in range(6):
        pages.create_page(conn, workspace, [])
    held = conn.execute(
        "update core.pages set edited_minute = edited_minute - interval '9 days'"
        " where id in (select id from core.pages order by id limit 5) returning id"
    ).fetchall()[2]
    with psycopg.connect(database) as editor:
        editor.execute("select from core.pages where id = %s for update", held)
        assert run_task(database, "sweep_recent_pages") == 4, "it waits for nobody"
    assert run_task(database, "sweep_recent_pages") == 1
    assert conn.execute("select count(*) from core.pages where recent").fetchone() == (1,)


def test_retention_goes_through_everything(conn: psycopg.Connection, database: str, workspace: UUID) -> None:
    gone = [create_page(conn, workspace, 31, deleted=True) for _ in range(45)]
    young = create_page(conn, workspace, 29, deleted=True)
    old = [create_page(conn, workspace, 200) for _ in range(41)]
    conn.execute(
        "insert into core.idempotency_keys (workspace_id, user_id, key, request_hash, created_at)"
        " select %s, %s, n::text, '', now() - n * interval '1 hour' from generate_series(1, 30) as n",
        [workspace, workspace],
    )
    with_context(database, periodic.catch_up)
    left = {row[0] for row in conn.execute("select id from core.pages")}
    assert left == {young, *old}
    assert not left & set(gone)
    assert conn.execute("select count(*) from core.idempotency_keys").fetchone() == (23,)
    # the log of old pages is gone, a snapshot of each is there
    assert [row[0] for row in conn.execute("select page_id from core.page_changes")] == [young]
    assert {row[0] for row in conn.execute("select page_id from core.page_snapshots")} == set(old)
    # each bounded transaction is a run; three batches of 20 pages
    runs = conn.execute("select runs, rows from ops.purge_runs where task = 'purge_deleted_pages'").fetchone()
    assert runs == (3, 45)
    never = conn.execute(
        "select task from ops.list_periodic() where enabled and runs_in = 'transaction' and last_success_at is null"
    )
    assert never.fetchall() == []
    # what is in time is left alone
    with_context(database, periodic.catch_up)
    assert progress(conn, "purge_deleted_pages", "runs_total") == (3,)


def test_snapshots_are_thinned_to_the_last_page(conn: psycopg.Connection, database: str, workspace: UUID) -> None:
    conn.execute(
        "update ops.periodic_tasks set statement = replace(statement, '500', '2') where task = 'thin_page_snapshots'"
    )
    for _ in range(5):
        page = create_page(conn, workspace)
        conn.execute(
            "insert into core.page_snapshots"
            " select %s, %s, n, '2020-01-01 12:00:00+00'::timestamptz + n * interval '1 day', '{}', '{}', 0"
            " from generate_series(1, 10) as n",
            [workspace, page],
        )
    assert run_task(database, "thin_page_snapshots") == 45
    assert conn.execute("select count(*) from core.page_snapshots").fetchone() == (5,)
    assert run_task(database, "thin_page_snapshots") == 0
    assert progress(conn, "thin_page_snapshots", "bookmark") == (None,)


def test_vacuum_runs_on_a_connection_of_its_own_and_is_recorded(conn: psycopg.Connection, database: str) -> None:
    count = "select vacuum_count from pg_stat_user_tables where relid = 'core.indexing_queue'::regclass"
    before = conn.execute(count).fetchone()
    maintenance = as_role(database, "quire_maintenance")
    with_context(database, lambda context: periodic.run_statement(context, VACUUM), maintenance)
    assert before is not None
    assert conn.execute(count).fetchone() == (before[0] + 1,)
    assert progress(conn, "vacuum_queue", "runs_total", "failures_total", "last_scheduler") == (1, 0, "procrastinate")


def test_vacuum_that_somebody_keeps_from_the_table_is_recorded_as_an_error(
    conn: psycopg.Connection, database: str
) -> None:
    maintenance = as_role(database, "quire_maintenance")
    with psycopg.connect(database) as holder:
        holder.execute("lock table core.indexing_queue in share update exclusive mode")
        with_context(database, lambda context: periodic.run_statement(context, VACUUM), maintenance)
    assert progress(conn, "vacuum_queue", "failures_total", "last_success_at", "last_sqlstate", "last_error") == (
        *(1, None, "55P03"),
        'skipping vacuum of "indexing_queue" --- lock not available',
    )
    with_context(database, lambda context: periodic.run_statement(context, VACUUM), maintenance)
    assert progress(conn, "vacuum_queue", "runs_total", "failures_total") == (2, 1)


def test_vacuum_without_its_database_is_recorded_as_an_error(
    conn: psycopg.Connection, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    with_context(database, lambda context: periodic.run_statement(context, VACUUM))
    row = progress(conn, "vacuum_queue", "failures_total", "last_success_at", "last_error")
    assert row is not None and row[:2] == (1, None)
    assert "QUIRE_MAINTENANCE_DATABASE_URL" in row[2]
    assert "periodic work failed" in caplog.text


def test_vacuum_is_left_to_pg_cron_when_that_is_in_charge(conn: psycopg.Connection, database: str) -> None:
    name = conn.info.dbname
    conn.execute(f"alter database \"{name}\" set cron.launch_active_jobs = 'on'".encode())
    conn.execute("update ops.periodic_control set scheduler = 'pg_cron'")
    try:
        with_context(database, lambda context: periodic.run_statement(context, VACUUM))
        assert run_task(database, "purge_indexing_done") == 0
    finally:
        conn.execute(f'alter database "{name}" reset cron.launch_active_jobs'.encode())
    assert progress(conn, "vacuum_queue") is None
    assert progress(conn, "purge_indexing_done") is None


def test_a_job_of_the_worker_is_recorded_well_or_not(conn: psycopg.Connection, database: str) -> None:
    async def three(_: Context) -> int:
        return 3

    async def broken(context: Context) -> int:
        await context.call("select 1 / 0")
        return 0

    with_context(database, lambda context: periodic.run_job(context, "index_tick", three))
    with pytest.raises(psycopg.errors.DivisionByZero):
        with_context(database, lambda context: periodic.run_job(context, "index_tick", broken))
    assert progress(conn, "index_tick", "runs_total", "failures_total", "rows_total", "last_sqlstate") == (
        2,
        1,
        3,
        "22012",
    )


def test_a_failing_task_is_reported_and_not_tried_again_at_once(
    conn: psycopg.Connection, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    conn.execute(
        "insert into ops.periodic_tasks (task, cron, max_late_seconds, runs_in, about, statement)"
        " values ('broken', '0 0 * * *', 60, 'transaction', '', 'select 1 / 0 as rows, true as more')"
    )
    try:
        with caplog.at_level(logging.WARNING):
            assert run_task(database, "broken") == 0
        assert "periodic work failed" in caplog.text
        assert progress(conn, "broken", "runs_total", "failures_total", "last_error") == (1, 1, "division by zero")
    finally:
        conn.execute("delete from ops.periodic_tasks where task = 'broken'")


def test_what_is_missing_is_queued_though_nothing_becomes_less(
    conn: psycopg.Connection, database: str, workspace: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an outage, where all that was put off counts: texts are to be written all the same."""
    monkeypatch.setattr(tasks, "MISSING_PAGES", 1)
    monkeypatch.setattr(tasks, "DEEP_QUEUE", 1)
    monkeypatch.setattr(tasks, "DEEP_WAITS", 1)
    for _ in range(3):
        pages.create_page(conn, workspace, ["text"])
    conn.execute("truncate core.indexing_queue")

    async def work(context: Context) -> int:
        return await asyncio.wait_for(tasks.queue_missing(context), 20)

    assert with_context(database, work) == 6
    assert conn.execute("select count(*) from core.indexing_queue").fetchone() == (6,)

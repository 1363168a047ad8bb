"""Retention: what the worker's hourly and daily jobs take away, to the last batch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from db.embedders import from_settings
from db.pool import create_pool
from db.settings import Settings, as_role
from worker import tasks
from worker.tasks import Context
from worker.tests import pages

WHOLE = '[{"op": "add", "path": "", "value": {"title": "", "properties": {}, "blocks": []}}]'


@pytest.fixture
def workspace(conn: psycopg.Connection) -> UUID:
    conn.execute("truncate core.pages, core.page_changes, core.page_snapshots_due, core.idempotency_keys cascade")
    return pages.create_workspace(conn)


def with_context(database: str, work: Callable[[Context], Awaitable[Any]]) -> Any:
    """Run a job's work as quire_worker."""

    async def run() -> Any:
        settings = Settings.from_env({})
        pool = create_pool(as_role(database, "quire_worker"), settings, min_size=1, max_size=2)
        await pool.open()
        embedder = from_settings(settings)
        try:
            return await work(Context(settings, pool, embedder, 1))
        finally:
            embedder.close()
            await pool.close()

    return asyncio.run(run())


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


def test_retention_goes_through_everything(conn: psycopg.Connection, database: str, workspace: UUID) -> None:
    gone = [create_page(conn, workspace, 31, deleted=True) for _ in range(45)]
    young = create_page(conn, workspace, 29, deleted=True)
    old = [create_page(conn, workspace, 200) for _ in range(tasks.SNAPSHOTS * 2 + 1)]
    conn.execute(
        "insert into core.idempotency_keys (workspace_id, user_id, key, request_hash, created_at)"
        " select %s, %s, n::text, '', now() - n * interval '1 hour' from generate_series(1, 30) as n",
        [workspace, workspace],
    )
    with_context(database, tasks.maintain)
    left = {row[0] for row in conn.execute("select id from core.pages")}
    assert left == {young, *old}
    assert not left & set(gone)
    assert conn.execute("select count(*) from core.idempotency_keys").fetchone() == (23,)
    # the log of old pages is gone, a snapshot of each is there
    assert [row[0] for row in conn.execute("select page_id from core.page_changes")] == [young]
    assert {row[0] for row in conn.execute("select page_id from core.page_snapshots")} == set(old)


def test_snapshots_are_thinned_to_the_last_page(
    conn: psycopg.Connection, database: str, workspace: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "THINNED_PAGES", 2)
    for _ in range(5):
        page = create_page(conn, workspace)
        conn.execute(
            "insert into core.page_snapshots"
            " select %s, %s, n, '2020-01-01 12:00:00+00'::timestamptz + n * interval '1 day', '{}', '{}', 0"
            " from generate_series(1, 10) as n",
            [workspace, page],
        )
    assert with_context(database, tasks.thin_snapshots) == 45
    assert conn.execute("select count(*) from core.page_snapshots").fetchone() == (5,)
    assert with_context(database, tasks.thin_snapshots) == 0

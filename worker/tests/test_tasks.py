"""Periodic jobs, called as their schedule would, as quire_worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import psycopg
import pytest

from db.embedders import HashingEmbedder
from db.pool import create_pool
from db.settings import Settings, as_role
from worker import tasks
from worker.tests import pages

T = TypeVar("T")


def with_context(database: str, work: Callable[[tasks.Context], Coroutine[Any, Any, T]]) -> T:
    """Run something with what the jobs of a worker share."""

    async def run() -> T:
        settings = Settings.from_env({})
        pool = create_pool(as_role(database, "quire_worker"), settings, min_size=1, max_size=4)
        await pool.open()
        try:
            return await work(tasks.Context(settings, pool, HashingEmbedder(), concurrency=1))
        finally:
            await pool.close()

    return asyncio.run(run())


def test_the_sweep_of_recent_pages_goes_on_until_none_is_left(
    database: str, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = pages.create_workspace(conn)
    for _ in range(6):
        pages.create_page(conn, workspace, [])
    held = conn.execute(
        "update core.pages set edited_minute = edited_minute - interval '9 days'"
        " where id in (select id from core.pages order by id limit 5) returning id"
    ).fetchall()[2]
    monkeypatch.setattr(tasks, "SWEPT_PAGES", 2)
    with psycopg.connect(database) as editor:
        editor.execute("select from core.pages where id = %s for update", held)
        assert with_context(database, tasks.sweep_recent_pages) == 4, "it waits for nobody"
    assert with_context(database, tasks.sweep_recent_pages) == 1
    assert conn.execute("select count(*) from core.pages where recent").fetchone() == (1,)

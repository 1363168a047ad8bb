"""Search under a deep indexing queue: bounded work, without statistics and with plans older than the pages."""

from __future__ import annotations

import json
from collections.abc import Generator
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from worker.tests import pages

ACTOR = UUID(int=10)
BLOCKS = 50  # of a page
TABLES = ("blocks", "indexing_queue", "pages", "search_entries")


@pytest.fixture(scope="module")
def reader(database: str) -> Generator[psycopg.Connection]:
    """A session whose kept plans were made when the tables were tiny; they get no statistics afterwards."""
    with psycopg.connect(database, autocommit=True) as conn:
        for table in TABLES:
            conn.execute(sql.SQL("alter table core.{} set (autovacuum_enabled = false)").format(sql.Identifier(table)))
        workspace = pages.create_workspace(conn)
        conn.execute("insert into core.users (id, name, created_at) values (%s, 'r', now())", [ACTOR])
        join(conn, workspace)
        pages.create_page(conn, workspace, ["tide tables"] * 5)
        conn.execute("analyze core.blocks, core.indexing_queue, core.pages, core.search_entries")
        for _ in range(10):
            assert search(conn, workspace, "tide") == 1
        yield conn


def join(conn: psycopg.Connection, workspace: UUID) -> None:
    conn.execute(
        "insert into core.workspace_members (workspace_id, user_id, role, created_at) values (%s, %s, 'viewer', now())",
        [workspace, ACTOR],
    )


def search(conn: psycopg.Connection, workspace: UUID, query: str) -> int:
    """Hits of a search by text."""
    row = conn.execute(
        "select body from api.search(%s, %s, %s, 'text', null, 20, null, null)", [workspace, ACTOR, query]
    ).fetchone()
    assert row is not None
    return len(json.loads(row[0])["hits"])


def add_waiting(conn: psycopg.Connection, workspace: UUID, count: int, priority: int) -> None:
    """Pages with `count` blocks in all, which all wait."""
    conn.execute(
        "insert into core.pages (workspace_id, id, title)"
        " select %s, gen_random_uuid(), 'Chart ' || n from generate_series(1, %s) as n",
        [workspace, count // BLOCKS],
    )
    conn.execute(
        "insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)"
        " select p.workspace_id, p.id, n, 'b' || n, 'paragraph',"
        " jsonb_build_object('text', 'the harbour at high water, berth ' || n), 1"
        " from core.pages as p, generate_series(1, %s) as n where p.workspace_id = %s",
        [BLOCKS, workspace],
    )
    conn.execute(
        "insert into core.indexing_queue (workspace_id, page_id, no, priority, run_at, enqueued_at)"
        " select b.workspace_id, b.page_id, b.no, %s, now(), now() from core.blocks as b where b.workspace_id = %s",
        [priority, workspace],
    )


def work(conn: psycopg.Connection, workspace: UUID, query: str) -> dict[str, int]:
    """Rows that a search reads, by table, and how many texts it parses."""
    counted = (
        "select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables"
        " where schemaname = 'core' and relname = any(%s)"
        " union all select 'texts', coalesce(sum(calls), 0)::bigint from pg_stat_user_functions"
        " where schemaname = 'core' and funcname = 'search_vector'"
    )
    conn.execute("select pg_stat_force_next_flush()")
    before = dict(conn.execute(counted, [list(TABLES)]).fetchall())
    assert search(conn, workspace, query) > 10
    conn.execute("select pg_stat_force_next_flush()")
    after = dict(conn.execute(counted, [list(TABLES)]).fetchall())
    return {name: int(after[name] - before[name]) for name in after}


@pytest.mark.parametrize("priority", [100, 200], ids=["edits", "imports"])
def test_work_does_not_grow_with_the_queue(reader: psycopg.Connection, priority: int) -> None:
    queries = ("harbour", "harbour berth water", "harbour or chart")
    spent: dict[tuple[int, str], dict[str, int]] = {}
    for count in (1_000, 50_000):
        workspace = pages.create_workspace(reader)
        join(reader, workspace)
        add_waiting(reader, workspace, count, priority)
        for query in queries:
            spent[count, query] = work(reader, workspace, query)
    for query in queries:
        few, many = spent[1_000, query], spent[50_000, query]
        assert few.pop("texts") == many.pop("texts") == 1_000, "the text of as many blocks is parsed"
        assert many["blocks"] < 15_000, "by the whole key, not all blocks of each page"
        assert sum(many.values()) < 8 * sum(few.values()), f"rows read with 50 times as many waiting: {few}, {many}"

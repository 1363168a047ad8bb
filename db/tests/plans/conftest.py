"""What plans of the queue and of search are made for: a deep queue."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from db.tests.plans.counts import ROWS
from worker.tests import pages


@pytest.fixture(scope="module")
def filled(database: str) -> UUID:
    """A workspace with 20,000 entries in a deep queue, and as many search entries. Nobody but the tests vacuums: what
    autovacuum looks at is counted, too."""
    with psycopg.connect(database, autocommit=True) as conn:
        for table in (b"indexing_queue", b"indexing_leases", b"indexing_dead_letters", b"block_embeddings"):
            conn.execute(b"alter table core." + table + b" set (autovacuum_enabled = off)")
        workspace = pages.create_workspace(conn)
        page = pages.create_page(conn, workspace, [])
        conn.execute("truncate core.indexing_queue")
        conn.execute(
            "insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at)"
            " select %s, %s, n, now(), now() from generate_series(1, %s) as n",
            [workspace, page, ROWS],
        )
        conn.execute(
            "insert into core.search_entries select %s, %s, n, 'b' || n, 'paragraph', 1, 'word' || n,"
            " to_tsvector('english', 'word' || n), jsonb_build_object('n', n), now() from generate_series(1, %s) as n",
            [workspace, page, ROWS],
        )
        conn.execute(
            "insert into core.blocks select %s, %s, n, 'b' || n, 'paragraph', '{}', 1 from generate_series(1, %s) as n",
            [workspace, page, ROWS],
        )
        conn.execute("vacuum analyze core.indexing_queue, core.search_entries, core.blocks")
        return workspace

"""Blocks for the benches of the queue, written straight into the tables as saves would; and what is in the queue."""

from __future__ import annotations

import re
import uuid
from typing import Any

from bench.harness import Connection
from bench.queue.ours import DIMENSIONS

MODEL = "bench-none"
PAGE_BLOCKS = 100
# The history row of indexing.ack, as a pattern, and what is left of it without.
_HISTORY = (
    (r"insert into core\.indexing_done[^;]*?from removed as r\s*returning 1", "select 1 from removed as r"),
    (
        r"insert into core\.indexing_done[^;]*?from removed as r;\s*get diagnostics done = row_count;",
        "select count(*)::integer into done from removed as r;",
    ),
)


def one(connection: Connection, statement: str, *parameters: Any) -> Any:
    """The first column of the first row."""
    row = connection.execute(statement.encode(), parameters or None).fetchone()
    assert row is not None
    return row[0]


def make_blocks(connection: Connection, count: int, workspaces: int = 1) -> list[uuid.UUID]:
    """Pages of 99 paragraphs and a title, so that `count` entries can be queued; the ids of their new workspaces."""
    made = [uuid.uuid4() for _ in range(workspaces)]
    pages = count // PAGE_BLOCKS
    for number, workspace in enumerate(made):
        connection.execute(
            "insert into core.workspaces (id, name, created_at) values (%s, 'bench', now())", [workspace]
        )
        with connection.transaction():
            connection.execute(
                "insert into core.pages (workspace_id, id, title, block_order, next_block_no)"
                " select %s, gen_random_uuid(), 'page ' || n, array(select generate_series(1, %s)), %s"
                " from generate_series(1, %s) as n",
                [workspace, PAGE_BLOCKS - 1, PAGE_BLOCKS, pages * (number + 1) // workspaces
                 - pages * number // workspaces],
            )  # fmt: skip
            connection.execute(
                "insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)"
                " select p.workspace_id, p.id, n, 'b' || n, 'paragraph',"
                " jsonb_build_object('text', 'made-up text ' || n || ' of ' || p.title), 1"
                " from core.pages as p cross join generate_series(1, %s) as n where p.workspace_id = %s",
                [PAGE_BLOCKS - 1, workspace],
            )
    return made


def mark_indexed(
    connection: Connection, workspace: uuid.UUID, vectors: bool = True, dimensions: int = DIMENSIONS
) -> None:
    """Entries and vectors of model MODEL as a worker would have written them: nothing is left to be embedded."""
    connection.execute(
        "insert into core.search_entries select b.workspace_id, b.page_id, b.no, b.block_id, b.type, b.ver, b.body,"
        " core.search_vector(b.type, b.body), b.data, now() - interval '1 hour'"
        " from core.indexable_blocks as b where b.workspace_id = %s",
        [workspace],
    )
    connection.execute(
        "insert into core.embedding_models (name, dimensions, state, created_at) values (%s, %s, 'retired', now())"
        " on conflict do nothing",
        [MODEL, dimensions],
    )
    if vectors:
        connection.execute(
            "insert into core.block_embeddings (workspace_id, page_id, no, model, ver, text_hash, vec)"
            " select b.workspace_id, b.page_id, b.no, %s, b.ver, sha256(convert_to(b.body, 'UTF8')),"
            " array_fill(0.05::real, array[%s])::public.vector"
            " from core.indexable_blocks as b where b.workspace_id = %s",
            [MODEL, dimensions, workspace],
        )


def enqueue(connection: Connection, workspace: uuid.UUID, priority: int = 100, limit: int = 1_000_000_000) -> int:
    """Queue blocks of a workspace's pages, a page a time, as saves do; how many."""
    return one(
        connection,
        "select coalesce(sum(n), 0)::bigint from (select cardinality(p.block_order) + 1 as n, core.enqueue_blocks("
        "p.workspace_id, p.id, array_prepend(0, p.block_order), '{}', %s::smallint)"
        " from core.pages as p where p.workspace_id = %s limit %s) as e",
        *(priority, workspace, max(1, limit // PAGE_BLOCKS)),
    )


def edit_all(connection: Connection, workspace: uuid.UUID) -> None:
    """New text in every block, not queued yet."""
    connection.execute(
        "update core.blocks set data = jsonb_build_object('text', 'edited text ' || gen_random_uuid()), ver = ver + 1"
        " where workspace_id = %s",
        [workspace],
    )
    connection.execute(  # so that nothing settles
        "update core.search_entries set indexed_at = now() - interval '1 hour' where workspace_id = %s", [workspace]
    )


def ack_definition(connection: Connection) -> str:
    """indexing.ack as it is."""
    return one(connection, "select pg_get_functiondef('indexing.ack'::regproc)")


def without_history(definition: str) -> str | None:
    """A definition of indexing.ack without its history row; None when it has another form than is known here."""
    for pattern, instead in _HISTORY:
        changed, count = re.subn(pattern, instead, definition)
        if count == 1:
            return changed
    return None

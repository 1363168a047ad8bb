"""Pages for tests of the worker, written straight into the tables as a save would, in one transaction a save."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb


def create_workspace(conn: psycopg.Connection) -> UUID:
    workspace = uuid4()
    conn.execute("insert into core.workspaces (id, name, created_at) values (%s, 'w', now())", [workspace])
    return workspace


def create_page(
    conn: psycopg.Connection, workspace: UUID, texts: list[str], title: str = "", priority: int = 100
) -> UUID:
    """A page with a paragraph a text, all of it enqueued."""
    page = uuid4()
    with conn.transaction():
        conn.execute(
            "insert into core.pages (workspace_id, id, title, block_order, next_block_no) values (%s, %s, %s, %s, %s)",
            [workspace, page, title, list(range(1, len(texts) + 1)), len(texts) + 1],
        )
        with conn.cursor() as cursor:
            cursor.executemany(
                "insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)"
                " values (%s, %s, %s, %s, 'paragraph', %s, 1)",
                [(workspace, page, no, f"b{no}", Jsonb({"text": text})) for no, text in enumerate(texts, 1)],
            )
        _enqueue(conn, workspace, page, list(range(len(texts) + 1)), priority)
    return page


def edit(conn: psycopg.Connection, workspace: UUID, page: UUID, no: int, text: str, priority: int = 100) -> None:
    """One block's new text, as a save."""
    with conn.transaction():
        write(conn, workspace, page, no, text, priority)


def write(conn: psycopg.Connection, workspace: UUID, page: UUID, no: int, text: str, priority: int = 100) -> None:
    """The statements of `edit`, in the caller's transaction."""
    conn.execute(
        "update core.blocks set data = %s, ver = ver + 1 where workspace_id = %s and page_id = %s and no = %s",
        [Jsonb({"text": text}), workspace, page, no],
    )
    _enqueue(conn, workspace, page, [no], priority)


def delete_block(conn: psycopg.Connection, workspace: UUID, page: UUID, no: int) -> None:
    with conn.transaction():
        conn.execute(
            "delete from core.blocks where workspace_id = %s and page_id = %s and no = %s", [workspace, page, no]
        )
        conn.execute("select core.enqueue_blocks(%s, %s, '{}', %s::integer[], 100::smallint)", [workspace, page, [no]])


def _enqueue(conn: psycopg.Connection, workspace: UUID, page: UUID, nos: list[int], priority: int) -> None:
    conn.execute(
        "select core.enqueue_blocks(%s, %s, %s::integer[], '{}', %s::smallint)", [workspace, page, nos, priority]
    )


def disagreements(conn: psycopg.Connection, workspace: UUID, model: str = "hashing-384") -> list[tuple[object, ...]]:
    """What breaks the promise: nothing waits, so all entries and vectors are of the newest content."""
    return conn.execute(
        """
        select b.page_id, b.no, b.ver, e.ver, m.ver, b.body, e.body
        from (select * from core.indexable_blocks where workspace_id = %(workspace)s) as b
        full join (select * from core.search_entries where workspace_id = %(workspace)s) as e
            on e.page_id = b.page_id and e.no = b.no
        left join core.block_embeddings as m
            on m.workspace_id = b.workspace_id and m.page_id = b.page_id and m.no = b.no and m.model = %(model)s
        where b.body is distinct from e.body
            or b.no > 0 and b.ver is distinct from e.ver
            or b.body <> '' and (m.text_hash is distinct from sha256(convert_to(b.body, 'UTF8')) or m.ver <> e.ver)
            or b.body = '' and m.no is not null
        union all
        select q.page_id, q.no, null, null, null, 'both queued and dead', null
        from core.indexing_queue as q
        inner join core.indexing_dead_letters as d
            on d.workspace_id = q.workspace_id and d.page_id = q.page_id and d.no = q.no
        """,
        {"workspace": workspace, "model": model},
    ).fetchall()

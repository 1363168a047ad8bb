"""The old application's tables, filled, and what has to be left of them after the migration.

Used by the tests here and by bench/adopt_old_application.py; the clients are in old_clients.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psycopg

OLD_SCHEMA = Path(__file__).parent / "old_schema.sql"

POPULATE = (
    "select setseed(%(seed)s)",
    "insert into workspaces (name) select 'workspace ' || i from generate_series(1, %(workspaces)s) as i",
    # Every 50th page has no blocks; some properties are not objects.
    """
    insert into pages (workspace_id, title, properties, created_at, updated_at)
    select
        (select array_agg(id order by id) from workspaces) [1 + i %% %(workspaces)s],
        case i %% 7 when 0 then '' else 'Page ' || i end,
        case i %% 23
            when 0 then '[1, 2]' when 1 then 'null' when 2 then '"text"'
            else jsonb_build_object(
                'number', i, 'tags', jsonb_build_array('a', 'b'), 'deep', '{"x": {"y": [1.50, 1e3]}}'::jsonb
            )
        end,
        now() - make_interval(mins => i), now() - make_interval(secs => i)
    from generate_series(1, %(pages)s) as i
    """,
    # Positions with gaps, with duplicates, negative; types and data of all sorts.
    """
    insert into blocks (page_id, position, type, data)
    select
        p.id,
        case p.n %% 4 when 0 then b when 1 then b * 10 when 2 then b / 3 else 5 - b end,
        case b %% 5 when 0 then 'heading' when 1 then '' else 'paragraph' end,
        case b %% 41
            when 7 then '[]' when 8 then 'null' when 9 then '"words"' when 10 then '3.140'
            else jsonb_build_object(
                'text', 'Block ' || b || ' of page ' || p.n || ': ' || repeat(md5(random()::text) || ' ', 3 + b %% 6),
                'unicode', E'na\\u00efve \\u65e5\\u672c', 'number', 12345678901234567890.10
            )
        end
    from (select id, row_number() over (order by id) as n from pages) as p
    cross join generate_series(1, %(blocks)s) as b
    where p.n %% 50 <> 0
    """,
    # Entries of all states and both actions; of pages and blocks that are gone; several of one block; without blocks.
    """
    insert into indexing_queue (page_id, block_ids, action, status, attempts, error, created_at, processed_at)
    select
        case when i %% 19 = 0 then gen_random_uuid() else b.page_id end,
        case when i %% 17 = 0 then array[gen_random_uuid(), b.id] when i %% 29 = 0 then '{}' else array[b.id] end,
        case when i %% 13 = 0 then 'delete' else 'upsert' end,
        s.status, case s.status when 'failed' then 3 when 'processing' then i::integer %% 6 else 0 end,
        case s.status when 'failed' then 'provider said no' end,
        now() - make_interval(mins => i::integer),
        case when s.status in ('completed', 'failed')
            then now() - make_interval(mins => i::integer, days => case when i %% 11 = 0 then 9 else 0 end)
        end
    from (
        select id, page_id, row_number() over (order by id) as i from blocks
    ) as b
    cross join lateral (
        select (array['pending', 'processing', 'failed', 'completed', 'completed']) [1 + i %% 5] as status
    ) as s
    where i %% 9 = 0
    """,
    """
    insert into indexing_queue (page_id, block_ids, status, created_at)
    select page_id, block_ids, 'pending', created_at + interval '1 second' from indexing_queue
    where status = 'failed' and id %% 2 = 0
    """,
    "analyze",
)


def make_old_database(conninfo: str, *, pages: int, blocks: int, workspaces: int = 5, seed: float = 0.5) -> None:
    """The old application's tables, filled.

    Args:
        conninfo: an empty database.
        pages: how many pages.
        blocks: blocks of each page; every 50th page has none.
        workspaces: how many workspaces the pages are spread over.
        seed: of PostgreSQL's random(), -1 to 1. (Ids are random all the same.)
    """
    with psycopg.connect(conninfo) as connection:
        connection.execute(OLD_SCHEMA.read_bytes())
        for statement in POPULATE:
            connection.execute(
                statement.encode(), {"seed": seed, "workspaces": workspaces, "pages": pages, "blocks": blocks}
            )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("vacuum analyze")


@dataclass
class Page:
    """What a client knows of a page. `blocks` maps an id to (position, type, data)."""

    workspace_id: str
    title: str
    properties: Any
    blocks: dict[str, tuple[int, str, Any]] = field(default_factory=dict[str, tuple[int, str, Any]])
    deleted: bool = False
    version: int = 1

    def ordered(self) -> list[tuple[str, str, Any]]:
        """(id, type, data) as the old application shows them; UUIDs sort alike as text and as 16 bytes."""
        return [
            (block_id, kind, as_object(data))
            for block_id, (_, kind, data) in sorted(self.blocks.items(), key=lambda item: (item[1][0], item[0]))
        ]


def as_object(value: Any) -> Any:
    """What the migration makes of JSON that is no object."""
    return cast(Any, value) if isinstance(value, dict) else {"value": value}


def read_old_pages(conninfo: str) -> dict[str, Page]:
    """All pages of an old database by id."""
    with psycopg.connect(conninfo) as connection:
        found = {
            str(page_id): Page(str(workspace_id), title, properties)
            for page_id, workspace_id, title, properties in connection.execute(
                "select id, workspace_id, title, properties from pages"
            )
        }
        for block_id, page_id, position, kind, data in connection.execute(
            "select id, page_id, position, type, data from blocks"
        ):
            found[str(page_id)].blocks[str(block_id)] = (position, kind, data)
    return found


def lost_rows(conninfo: str, pages: dict[str, Page]) -> list[str]:
    """Every difference between what clients were told and what Quire's tables hold; empty when nothing is lost."""
    found: list[str] = []
    with psycopg.connect(conninfo) as connection:
        connection.execute("set local role quire_owner")
        stored = {
            str(row[0]): row[1:]
            for row in connection.execute(
                "select id, workspace_id, title, properties, version, deleted_at is not null, block_order"
                " from core.pages"
            )
        }
        blocks: dict[str, dict[int, tuple[str, str, Any]]] = {}
        for page_id, number, block_id, kind, data in connection.execute(
            "select page_id, no, id, type, data from core.blocks"
        ):
            blocks.setdefault(str(page_id), {})[number] = (block_id, kind, data)
        changes = {
            str(page_id): versions
            for page_id, versions in connection.execute(
                "select page_id, array_agg(version order by version) from core.page_changes group by page_id"
            )
        }
    for page_id, page in pages.items():
        row = stored.pop(page_id, None)
        if row is None or row[4]:
            if not page.deleted:
                found.append(f"page {page_id} is gone")
            continue
        if page.deleted:
            found.append(f"page {page_id} came back")
            continue
        workspace_id, title, properties, version, _, order = row
        if (str(workspace_id), title, properties) != (page.workspace_id, page.title, as_object(page.properties)):
            found.append(f"page {page_id}: {(title, properties)} instead of {(page.title, page.properties)}")
        if version != page.version:
            found.append(f"page {page_id} has version {version} instead of {page.version}")
        if changes.get(page_id) != list(range(1, version + 1)):
            found.append(f"page {page_id} at version {version} has changes {changes.get(page_id)}")
        here = blocks.get(page_id, {})
        if sorted(here) != sorted(order):
            found.append(f"page {page_id}: order {order} does not name its blocks {sorted(here)}")
        elif [here[number] for number in order] != page.ordered():
            found.append(f"page {page_id}: blocks differ")
    found += [f"page {page_id} was never written" for page_id, row in stored.items() if not row[4]]
    return found

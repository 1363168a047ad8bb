"""Plans of search: the index by its name, and no more vectors than it must compare."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import psycopg
import pytest

from db.tests.plans.counts import explain, updated
from worker.tests import pages


def test_containment_uses_the_gin_index(conn: psycopg.Connection, filled: UUID) -> None:
    plan = explain(
        conn,
        "select 1 from core.search_entries as e where e.workspace_id = %s and e.data @> %s::jsonb limit 5000",
        filled, json.dumps({"n": 77}),
    )  # fmt: skip
    assert "blocks_data_gin_idx" in [node.get("Index Name") for node in plan]


def test_full_text_uses_the_gin_index(conn: psycopg.Connection, filled: UUID) -> None:
    plan = explain(
        conn,
        "select 1 from core.search_entries as e"
        " where e.workspace_id = %s and e.body_tsv @@ 'word77'::tsquery limit 5000",
        filled,
    )
    assert "search_entries_text_ix" in [node.get("Index Name") for node in plan]


def test_neighbours_come_from_the_models_own_index(conn: psycopg.Connection, filled: UUID) -> None:
    vector = "[" + ",".join(["1"] * 384) + "]"
    conn.execute("set enable_seqscan = off; set enable_sort = off")
    plan = explain(
        conn,
        "select 1 from core.block_embeddings as e where e.model = 'hashing-384' and e.workspace_id = %s"
        " order by (e.vec::public.vector(384)) operator(public.<=>) (%s::public.vector(384)) limit 100",
        filled, vector,
    )  # fmt: skip
    assert "block_embeddings_hashing_384_ix" in [node.get("Index Name") for node in plan]


def add_vectors(conn: psycopg.Connection, workspace: UUID, count: int, fresh: bool) -> None:
    """Vectors of that many blocks, random ones."""
    conn.execute(
        "insert into core.block_embeddings"
        " (workspace_id, page_id, no, model, ver, text_hash, vec, fresh_vec, fresh_since)"
        " select %(workspace)s, gen_random_uuid(), 1, 'hashing-384', 1, '', case when not %(fresh)s then v.vec end,"
        " case when %(fresh)s then v.vec end, case when %(fresh)s then now() end"
        " from (select array_agg(random() - 0.5)::real[]::public.vector as vec"
        " from generate_series(0, 384 * %(count)s - 1) as n group by n / 384) as v",
        {"workspace": workspace, "fresh": fresh, "count": count},
    )


@pytest.mark.parametrize("analyzed", [False, True])
def test_a_search_compares_the_fresh_vectors_of_its_workspace_and_no_others(
    conn: psycopg.Connection, analyzed: bool
) -> None:
    """Whatever is known of the table; of the settled ones all of the workspace, or those that their index names."""
    conn.execute("truncate core.block_embeddings")
    mine = pages.create_workspace(conn)
    add_vectors(conn, mine, 3_000, fresh=False)
    add_vectors(conn, mine, 200, fresh=True)
    add_vectors(conn, pages.create_workspace(conn), 5_000, fresh=True)
    if analyzed:
        conn.execute("analyze core.block_embeddings")
    read = (
        "select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables"
        " where relid = 'core.block_embeddings'::regclass"
    )
    with conn.transaction():
        conn.execute(
            "select core.search_vectors(%s, 'hashing-384', 384, array_fill(0.05::real, array[384])::public.vector,"
            " null, 100)",
            [mine],
        )
        row = conn.execute(read).fetchone()
    conn.execute("truncate core.block_embeddings")
    assert row is not None
    assert 200 < row[0] <= 200 + (5 * 100 if analyzed else 3_000 + 200)


def test_fresh_vectors_are_rewritten_in_place(conn: psycopg.Connection) -> None:
    """No index has anything to do with it (HOT)."""
    conn.execute("truncate core.block_embeddings")
    add_vectors(conn, pages.create_workspace(conn), 1, fresh=True)
    with conn.transaction():
        conn.execute(
            "update core.block_embeddings set ver = 2, fresh_since = now(),"
            " fresh_vec = array_fill(0.05::real, array[384])::public.vector"
        )
        rows = updated(conn, "core.block_embeddings")
    conn.execute("truncate core.block_embeddings")
    assert rows == (1, 1)


def test_what_waits_is_read_by_key(conn: psycopg.Connection, filled: UUID) -> None:
    plan = explain(
        conn,
        "select b.body from unnest(%s::uuid[], %s::integer[]) as w (page_id, no) inner join core.indexable_blocks as b"
        " on b.workspace_id = %s and b.page_id = w.page_id and b.no = w.no",
        [uuid4()], [1], filled,
    )  # fmt: skip
    conditions = {node.get("Index Name"): str(node.get("Index Cond")) for node in plan}
    assert "w.page_id" in conditions["blocks_pk"] and "w.no" in conditions["blocks_pk"]

"""Plans of the queue and of search: bounded work, and the index by its name."""

from __future__ import annotations

import itertools
import json
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from worker.tests import pages

ROWS = 20_000


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


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


def explain(conn: psycopg.Connection, statement: LiteralString, *parameters: object) -> list[dict[str, Any]]:
    row = conn.execute("explain (format json) " + statement, parameters).fetchone()
    assert row is not None
    return nodes(row[0][0]["Plan"])


CLAIM: LiteralString = (
    "select rows from indexing.claim(0::smallint, 100::smallint, %s, '{}', '{}', 100, %s, 60, null, '{hashing-384}')"
)
FAIR: LiteralString = (
    "select rows, workspace_seqs from indexing.claim("
    "0::smallint, 100::smallint, -1, %s::uuid[], %s::bigint[], 100, %s, 60, null, '{hashing-384}')"
)


def queue_blocks(conn: psycopg.Connection) -> int:
    """Blocks of the queue (heap and indexes) touched so far."""
    conn.execute("select pg_stat_force_next_flush()")
    row = conn.execute(
        "select sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::bigint from pg_statio_user_tables"
        " where relid = 'core.indexing_queue'::regclass"
    ).fetchone()
    assert row is not None
    return int(row[0])


def buffers(conn: psycopg.Connection, seq: int) -> int:
    """Blocks of the queue that a claim of 100 touches."""
    before = queue_blocks(conn)
    assert conn.execute(CLAIM, [seq, uuid4()]).fetchone() == (100,)
    return queue_blocks(conn) - before


def test_a_claim_of_100_out_of_20000_touches_few_blocks(conn: psycopg.Connection, filled: UUID) -> None:
    # each of the 100 is found, locked and updated
    assert buffers(conn, -1) < 100 * 6


def test_a_claim_touches_no_index(conn: psycopg.Connection, filled: UUID) -> None:
    """All its updates are HOT: lease and attempts are in no index."""
    counted = "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relid = 'core.indexing_queue'::regclass"
    conn.execute("select pg_stat_force_next_flush()")
    before = conn.execute(counted).fetchone()
    assert conn.execute(CLAIM, [-1, uuid4()]).fetchone() == (100,)
    conn.execute("select pg_stat_force_next_flush()")
    after = conn.execute(counted).fetchone()
    assert before and after
    assert (after[0] - before[0], after[1] - before[1]) == (100, 100)


def test_behind_the_watermark_drained_rows_are_not_touched(
    conn: psycopg.Connection, database: str, filled: UUID
) -> None:
    """With an old snapshot held open nothing can be cleaned up: the watermark skips what was drained."""
    with psycopg.connect(database) as holder:
        holder.execute("set transaction isolation level repeatable read")
        holder.execute("select 1 from core.indexing_queue limit 1")
        row = conn.execute(
            "select max(seq)"
            " from (select seq from core.indexing_queue where lease_id is null order by seq limit 15000) as s"
        ).fetchone()
        assert row is not None
        conn.execute("delete from core.indexing_queue where seq <= %s", row)
        behind = buffers(conn, row[0])
        from_the_start = buffers(conn, -1)
        assert behind < 100 * 6
        assert from_the_start > behind + 100


def test_the_ready_index_orders_a_claim(conn: psycopg.Connection, filled: UUID) -> None:
    plan = explain(
        conn,
        "select q.ctid from core.indexing_queue as q where q.lane = 0 and q.priority = 100::smallint and q.seq > 5"
        " and q.seq <= 9223372036854775807 and q.lease_id is null and q.run_at <= now()"
        " order by q.lane, q.priority, q.seq limit 100 for update skip locked",
    )
    assert [node["Index Name"] for node in plan if "Index Name" in node] == ["indexing_queue_ready_ix"]
    assert not [node for node in plan if node["Node Type"] == "Sort"]


def test_the_fair_index_orders_a_claim_of_several_workspaces(conn: psycopg.Connection, filled: UUID) -> None:
    """Of the workspace with 20,000 entries no more is looked at than is taken, and of others only their own."""
    others = [pages.create_workspace(conn) for _ in range(49)]
    for workspace in others:
        conn.execute(
            "insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at)"
            " select %s, gen_random_uuid(), n, now(), now() from generate_series(1, 40) as n",
            [workspace],
        )
    before = queue_blocks(conn)
    asked = [*others[:20], filled, *others[20:]]
    claimed = conn.execute(FAIR, [asked, [-1] * 50, uuid4()]).fetchone()
    assert claimed is not None and claimed[0] == 100
    assert queue_blocks(conn) - before < 100 * 6 + 50 * 20
    owners = dict(conn.execute("select seq, workspace_id from core.indexing_queue where seq = any(%s)", [claimed[1]]))
    assert [owners[seq] for seq in claimed[1]] == asked  # each watermark is that of its workspace
    held = conn.execute(
        "select count(*) from core.indexing_queue where workspace_id = %s and lease_id = ("
        "select lease_id from core.indexing_queue where workspace_id = %s and lease_id is not null limit 1)",
        [filled, others[0]],
    ).fetchone()
    assert held == (2,)
    plan = explain(
        conn,
        "select d.ctid from core.indexing_queue as d"
        " where (d.lane, d.priority, d.workspace_id, d.seq) > (0::smallint, 100::smallint, %s, -1)"
        " and (d.lane, d.priority, d.workspace_id, d.seq) <= (0::smallint, 100::smallint, %s, 9223372036854775807)"
        " and d.lane >= 0 and d.lease_id is null and d.run_at <= now()"
        " order by d.lane, d.priority, d.workspace_id, d.seq limit 2 for update skip locked",
        filled, filled,
    )  # fmt: skip
    assert [node["Index Name"] for node in plan if "Index Name" in node] == ["indexing_queue_turns_ix"]


@pytest.mark.parametrize("analyzed", [True, False])
@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("filled_before", [True, False])
def test_claim_ack_and_sweep_look_at_what_they_take(
    conn: psycopg.Connection, database: str, filled_before: bool, warm: bool, analyzed: bool
) -> None:
    """With statistics that say that the queue is empty, and plans that a session has made while it was (`warm`)."""
    conn.execute("truncate core.indexing_queue, core.indexing_leases")
    workspace = pages.create_workspace(conn)

    def enqueue(first: int, last: int) -> None:
        conn.execute(
            "insert into core.indexing_queue (workspace_id, page_id, no, op, run_at, enqueued_at)"
            " select %s, '00000000-0000-7000-8000-000000000001', n, 'delete', now(), now()"
            " from generate_series(%s::integer, %s) as n",
            [workspace, first, last],
        )

    def looked_at() -> int:
        """Entries of the queue's indexes that were read so far, dead ones too."""
        conn.execute("select pg_stat_force_next_flush()")
        row = conn.execute(
            "select sum(idx_tup_read)::bigint from pg_stat_user_indexes where relid = 'core.indexing_queue'::regclass"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def claim_ack_and_sweep(session: psycopg.Connection) -> list[int]:
        """What the claim of 100 entries looks at, their ack, that of another 100 whose places are not known any more,
        and the sweep of a third 100 whose worker was lost."""
        lease, moved, lost = uuid4(), uuid4(), uuid4()
        conn.execute(CLAIM, [-1, moved])
        conn.execute("update core.indexing_leases set row_ids = null")
        looked = [looked_at()]
        ack: LiteralString = "select * from indexing.ack(%s, 'hashing-384', null)"
        steps: list[tuple[LiteralString, list[object]]] = [(CLAIM, [-1, lease]), (ack, [lease]), (ack, [moved])]
        for statement, parameters in steps:
            session.execute(statement, parameters)
            session.execute("select pg_stat_force_next_flush()")
            session.execute("select 1")
            looked.append(looked_at())
        conn.execute(CLAIM, [-1, lost])
        conn.execute("update core.indexing_leases set expires_at = now() - interval '1 second'")
        before = looked_at()
        session.execute("select indexing.sweep()")
        session.execute("select pg_stat_force_next_flush()")
        session.execute("select 1")
        return [*(after - at for at, after in itertools.pairwise(looked)), looked_at() - before]

    if filled_before:
        enqueue(1, 20_000)
        conn.execute("vacuum analyze core.indexing_queue")
        conn.execute("delete from core.indexing_queue")
    conn.execute("vacuum core.indexing_queue")
    if not analyzed:
        conn.execute("delete from pg_statistic where starelid = 'core.indexing_queue'::regclass")
    with psycopg.connect(database, autocommit=True) as session:
        if warm:
            enqueue(1, 1)
            claim_ack_and_sweep(session)
        enqueue(2, 20_001)
        claim, ack, ack_by_key, sweep = claim_ack_and_sweep(session)
    assert conn.execute("select count(*) from core.indexing_queue").fetchone() == (19_800,)
    assert 200 <= claim < 200 * 2, "it passes the first 100, which are leased"
    assert ack < 100, "rows are where the claim left them"
    assert 100 <= ack_by_key < 100 * 2
    assert 100 <= sweep < 100 * 4


def index_entries(conn: psycopg.Connection) -> dict[str, int]:
    """Entries of each index of blocks and search entries that this transaction has read."""
    rows = conn.execute(
        "select c.relname, pg_stat_get_xact_tuples_returned(c.oid)"
        " from pg_index as i inner join pg_class as c on c.oid = i.indexrelid"
        " where i.indrelid in ('core.blocks'::regclass, 'core.search_entries'::regclass)"
    ).fetchall()
    return dict(rows)


@pytest.mark.parametrize("analyzed", [True, False])
@pytest.mark.parametrize(
    ("step", "most"),
    [
        (1, 1_000),  # a stretch: a range
        (2, 2_000),  # every other one: a range of twice as many
        (20, 1_000),  # far apart: by key
    ],
)
def test_a_claim_reads_a_stretch_of_a_page_or_single_entries(
    conn: psycopg.Connection, filled: UUID, analyzed: bool, step: int, most: int
) -> None:
    """Never a page of 20,000 blocks for the 1,000 that it holds, with plans made for empty tables, too."""
    keys = conn.execute(
        "select array_agg(s.workspace_id), array_agg(s.page_id), array_agg(s.no) from ("
        "select workspace_id, page_id, no from core.blocks where workspace_id = %s and mod(no, %s) = 0"
        " order by workspace_id, page_id, no limit 1000) as s",
        [filled, step],
    ).fetchone()
    assert keys is not None
    with conn.transaction(force_rollback=True):
        if not analyzed:
            tables = ["blocks", "search_entries", "block_embeddings"]
            conn.execute(
                "with t as (select oid from pg_class where relnamespace = 'core'::regnamespace and relname = any(%s)),"
                " s as (delete from pg_statistic where starelid in (select oid from t))"
                " update pg_class set reltuples = 0, relpages = 0 where oid in (select oid from t)"
                " or oid in (select indexrelid from pg_index where indrelid in (select oid from t))",
                [tables],
            )
        for setting in ("enable_seqscan = off", "enable_bitmapscan = off", "plan_cache_mode = force_generic_plan"):
            conn.execute(b"set local " + setting.encode())  # as indexing.claim has them
        before = index_entries(conn)
        row = conn.execute(
            "select cardinality(vers) from core.read_leased(%s::uuid[], %s::uuid[], %s::integer[], '{}')", keys
        ).fetchone()
        after = index_entries(conn)
    assert row == (1_000,)
    read = {index: after[index] - before[index] for index in after if after[index] > before[index]}
    assert set(read) == {"blocks_pk", "search_entries_pk"}
    assert all(1_000 <= entries <= most for entries in read.values()), read


@pytest.mark.parametrize("analyzed", [True, False])
@pytest.mark.parametrize(
    ("look", "looked_at"),
    [
        ("select cardinality(workspace_ids) from indexing.find_workspaces(100::smallint, -1, 1000)", 1_000),
        ("select cardinality(priorities) from indexing.find_ready('{0,100,200}', '{-1,-1,-1}', '{hashing-384}')", 1),
        (
            "select cardinality(priorities) + 1"
            " from indexing.find_ready('{100}', array[9223372036854775806], '{hashing-384}')",
            0,
        ),
    ],
)
def test_looking_for_work_reads_what_it_looks_at(
    conn: psycopg.Connection, database: str, filled: UUID, look: LiteralString, looked_at: int, analyzed: bool
) -> None:
    """However deep the queue, and with statistics that say that it is empty."""
    conn.execute("truncate core.indexing_queue")
    fill: LiteralString = (
        "insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at)"
        " select %s, gen_random_uuid(), n, now(), now() from generate_series(1, %s) as n"
    )
    conn.execute(fill, [filled, ROWS])
    conn.execute("delete from core.indexing_queue")
    conn.execute("vacuum analyze core.indexing_queue")
    conn.execute(fill, [filled, ROWS])
    if analyzed:
        conn.execute("vacuum analyze core.indexing_queue")
    with psycopg.connect(database, autocommit=True) as session:
        session.execute("set stats_fetch_consistency = none")
        read: LiteralString = (
            "select pg_stat_force_next_flush(), sum(idx_tup_read)::bigint from pg_stat_user_indexes"
            " where relid = 'core.indexing_queue'::regclass"
        )
        for _ in range(8):  # with plans of their own at first, with one for all then
            before = session.execute(read).fetchone()
            found = session.execute(look).fetchone()
            session.execute(read)
            after = session.execute(read).fetchone()
            assert found == (1,) and before is not None and after is not None
            assert after[1] - before[1] == looked_at


@pytest.mark.parametrize("analyzed", [True, False])
def test_alerts_look_at_a_thousand_groups_however_many_dead_letters(
    conn: psycopg.Connection, database: str, analyzed: bool
) -> None:
    """Of 5,000 fingerprints, 20,000 dead letters; and with statistics that say that there are none."""
    conn.execute("truncate core.indexing_dead_letters, core.indexing_alerts")
    conn.execute("vacuum analyze core.indexing_dead_letters")
    conn.execute(
        "insert into core.indexing_dead_letters (workspace_id, page_id, no, op, generation, attempts, enqueued_at,"
        " died_at, error_code, error, fingerprint) select gen_random_uuid(), gen_random_uuid(), n, 'upsert', 1, 3,"
        " now(), now(), 'code', 'error', left(md5((n %% 5000)::text), 16) from generate_series(1, %s) as n",
        [ROWS],
    )
    if analyzed:
        conn.execute("vacuum analyze core.indexing_dead_letters")
    with psycopg.connect(database, autocommit=True) as session:
        session.execute("set stats_fetch_consistency = none")
        read: LiteralString = (
            "select pg_stat_force_next_flush(), t.seq_tup_read + ("
            " select sum(i.idx_tup_read) from pg_stat_user_indexes as i where i.relid = t.relid"
            ")::bigint from pg_stat_user_tables as t where t.relid = 'core.indexing_dead_letters'::regclass"
        )
        for number in range(9):  # with plans of their own at first, with one for all then
            if number == 8:  # all that are known have been told of
                session.execute(
                    "update core.indexing_alerts set claim_id = null, claimed_until = null, claimed_died_at = null,"
                    " alerted_until = now()"
                )
            before = session.execute(read).fetchone()
            session.execute("select count(*) from indexing.claim_alerts(gen_random_uuid(), 60, 10)")
            session.execute(read)
            after = session.execute(read).fetchone()
            assert before is not None and after is not None
            # a row a group, one or two where the walk ends; of those claimed one as news, and their dead letters
            assert 1000 <= after[1] - before[1] <= 1000 + 10 + 10 * (1 + 4)
    conn.execute("truncate core.indexing_dead_letters, core.indexing_alerts")


def test_only_the_key_is_led_by_the_workspace(conn: psycopg.Connection) -> None:
    """Another such index was taken for look-ups by key (seen under load), and they read all that a workspace has."""
    led = conn.execute(
        "select c.relname from pg_index as i inner join pg_class as c on c.oid = i.indexrelid"
        " inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]"
        " where i.indrelid = 'core.indexing_queue'::regclass and a.attname = 'workspace_id'"
    ).fetchall()
    assert led == [("indexing_queue_pk",)]


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
        row = conn.execute(
            "select n_tup_upd, n_tup_hot_upd from pg_stat_xact_user_tables"
            " where relid = 'core.block_embeddings'::regclass"
        ).fetchone()
    conn.execute("truncate core.block_embeddings")
    assert row == (1, 1)


def test_what_waits_is_read_by_key(conn: psycopg.Connection, filled: UUID) -> None:
    plan = explain(
        conn,
        "select b.body from unnest(%s::uuid[], %s::integer[]) as w (page_id, no) inner join core.indexable_blocks as b"
        " on b.workspace_id = %s and b.page_id = w.page_id and b.no = w.no",
        [uuid4()], [1], filled,
    )  # fmt: skip
    conditions = {node.get("Index Name"): str(node.get("Index Cond")) for node in plan}
    assert "w.page_id" in conditions["blocks_pk"] and "w.no" in conditions["blocks_pk"]


def enqueue_cost(conn: psycopg.Connection, workspace: UUID) -> int:
    """Blocks of the queue that a save of ten blocks touches, in a session whose plans are made."""
    costs: list[int] = []
    for _ in range(7):
        before = queue_blocks(conn)
        conn.execute(
            "select core.enqueue_blocks(%s, gen_random_uuid(), '{1,2,3,4,5,6,7,8,9}', '{10}', 100::smallint)",
            [workspace],
        )
        costs.append(queue_blocks(conn) - before)
    return sorted(costs)[3]


@pytest.mark.slow
def test_a_save_costs_the_same_however_deep_the_queue(conn: psycopg.Connection) -> None:
    """Nothing that it reads grows with the queue, but for the levels of its indexes' trees."""
    workspace = pages.create_workspace(conn)
    costs: dict[int, int] = {}
    for depth in (100, 100_000):
        conn.execute("truncate core.indexing_queue")
        conn.execute(
            "insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at)"
            " select %s, gen_random_uuid(), 1, now(), now() from generate_series(1, %s)",
            [workspace, depth],
        )
        conn.execute("vacuum analyze core.indexing_queue")
        costs[depth] = enqueue_cost(conn, workspace)
    conn.execute("truncate core.indexing_queue")
    # per entry a level or two more in each of four trees: 67 and 100 were seen
    assert costs[100] > 0 and costs[100_000] <= costs[100] + 10 * 5, costs

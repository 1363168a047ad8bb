"""What the queue's functions look at, however deep it is and whatever the statistics say of it."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from db.tests.plans.counts import ROWS, blocks_touched, explain, tuples_read, updated
from worker.tests import pages

QUEUE = "core.indexing_queue"
CLAIM: LiteralString = (
    "select rows from indexing.claim(0::smallint, 100::smallint, %s, '{}', '{}', 100, %s, 60, null, '{hashing-384}')"
)
FAIR: LiteralString = (
    "select rows, workspace_seqs from indexing.claim("
    "0::smallint, 100::smallint, -1, %s::uuid[], %s::bigint[], 100, %s, 60, null, '{hashing-384}')"
)


def cost(conn: psycopg.Connection, seq: int) -> int:
    """Blocks of the queue that a claim of 100 behind a seq touches."""
    with conn.transaction():
        before = blocks_touched(conn, QUEUE)
        assert conn.execute(CLAIM, [seq, uuid4()]).fetchone() == (100,)
        return blocks_touched(conn, QUEUE) - before


def looked_at(conn: psycopg.Connection, statement: LiteralString, *parameters: object) -> int:
    """Entries of the queue's indexes (dead ones too), and rows by scans of it all, that a statement reads."""
    with conn.transaction():
        before = tuples_read(conn, QUEUE)
        conn.execute(statement, parameters)
        after = tuples_read(conn, QUEUE)
    return sum(after.values()) - sum(before.values())


def test_a_claim_of_100_out_of_20000_touches_few_blocks(conn: psycopg.Connection, filled: UUID) -> None:
    # each of the 100 is found, locked and updated
    assert 100 < cost(conn, -1) < 100 * 6


def test_a_claim_touches_no_index(conn: psycopg.Connection, filled: UUID) -> None:
    """All its updates are HOT: lease and attempts are in no index."""
    with conn.transaction():
        before = updated(conn, QUEUE)
        assert conn.execute(CLAIM, [-1, uuid4()]).fetchone() == (100,)
        after = updated(conn, QUEUE)
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
        behind = cost(conn, row[0])
        from_the_start = cost(conn, -1)
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
    asked = [*others[:20], filled, *others[20:]]
    with conn.transaction():
        before = blocks_touched(conn, QUEUE)
        claimed = conn.execute(FAIR, [asked, [-1] * 50, uuid4()]).fetchone()
        after = blocks_touched(conn, QUEUE)
    assert claimed is not None and claimed[0] == 100
    assert 100 < after - before < 100 * 6 + 50 * 20
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

    def claim_ack_and_sweep(session: psycopg.Connection) -> list[int]:
        """What the claim of 100 entries looks at, their ack, that of another 100 whose places are not known any more,
        and the sweep of a third 100 whose worker was lost."""
        lease, moved, lost = uuid4(), uuid4(), uuid4()
        conn.execute(CLAIM, [-1, moved])
        conn.execute("update core.indexing_leases set row_ids = null")
        ack: LiteralString = "select * from indexing.ack(%s, 'hashing-384', null)"
        looked = [
            looked_at(session, CLAIM, -1, lease),
            looked_at(session, ack, lease),
            looked_at(session, ack, moved),
        ]
        conn.execute(CLAIM, [-1, lost])
        conn.execute("update core.indexing_leases set expires_at = now() - interval '1 second'")
        return [*looked, looked_at(session, "select indexing.sweep()")]

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
        before = tuples_read(conn, "core.blocks", "core.search_entries")
        row = conn.execute(
            "select cardinality(vers) from core.read_leased(%s::uuid[], %s::uuid[], %s::integer[], '{}')", keys
        ).fetchone()
        after = tuples_read(conn, "core.blocks", "core.search_entries")
    assert row == (1_000,)
    read = {index: after[index] - before[index] for index in after if after[index] > before[index]}
    assert set(read) == {"blocks_pk", "search_entries_pk"}
    assert all(1_000 <= entries <= most for entries in read.values()), read


@pytest.mark.parametrize("analyzed", [True, False])
@pytest.mark.parametrize(
    ("look", "entries"),
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
    conn: psycopg.Connection, database: str, filled: UUID, look: LiteralString, entries: int, analyzed: bool
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
        for _ in range(8):  # with plans of their own at first, with one for all then
            assert session.execute(look).fetchone() == (1,)
            assert looked_at(session, look) == entries


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
        for number in range(9):  # with plans of their own at first, with one for all then
            if number == 8:  # all that are known have been told of
                session.execute(
                    "update core.indexing_alerts set claim_id = null, claimed_until = null, claimed_died_at = null,"
                    " alerted_until = now()"
                )
            with session.transaction():
                before = sum(tuples_read(session, "core.indexing_dead_letters").values())
                session.execute("select count(*) from indexing.claim_alerts(gen_random_uuid(), 60, 10)")
                after = sum(tuples_read(session, "core.indexing_dead_letters").values())
            # a row a group, one or two where the walk ends; of those claimed one as news, and their dead letters
            assert 1000 <= after - before <= 1000 + 10 + 10 * (1 + 4)
    conn.execute("truncate core.indexing_dead_letters, core.indexing_alerts")


def test_only_the_key_is_led_by_the_workspace(conn: psycopg.Connection) -> None:
    """Another such index was taken for look-ups by key (seen under load), and they read all that a workspace has."""
    led = conn.execute(
        "select c.relname from pg_index as i inner join pg_class as c on c.oid = i.indexrelid"
        " inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]"
        " where i.indrelid = 'core.indexing_queue'::regclass and a.attname = 'workspace_id'"
    ).fetchall()
    assert led == [("indexing_queue_pk",)]


def enqueue_cost(conn: psycopg.Connection, workspace: UUID) -> int:
    """Blocks of the queue that a save of ten blocks touches, in a session whose plans are made."""
    costs: list[int] = []
    for _ in range(7):
        with conn.transaction():
            before = blocks_touched(conn, QUEUE)
            conn.execute(
                "select core.enqueue_blocks(%s, gen_random_uuid(), '{1,2,3,4,5,6,7,8,9}', '{10}', 100::smallint)",
                [workspace],
            )
            costs.append(blocks_touched(conn, QUEUE) - before)
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

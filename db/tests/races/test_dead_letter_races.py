"""Replays and discards beside saves and beside each other: no deadlock, nothing counted twice, no edit lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from db.tests.races.sessions import together, wait_until_waiting
from worker.tests import pages

Connection = psycopg.Connection
BLOCKS = 8


@pytest.fixture
def page(conn: Connection) -> Iterator[tuple[UUID, UUID]]:
    """Workspace and page whose blocks are all dead letters and do not wait."""
    conn.execute("truncate core.indexing_queue, core.indexing_dead_letters, core.audit_log")
    workspace = pages.create_workspace(conn)
    page = pages.create_page(conn, workspace, ["text"] * BLOCKS)
    conn.execute("truncate core.indexing_queue")
    bury(conn, workspace, page, list(range(BLOCKS + 1)))
    yield workspace, page


def bury(conn: Connection, workspace: UUID, page: UUID, nos: list[int]) -> None:
    """As indexing.fail does: the queue rows go and dead letters come, in key order."""
    with conn.transaction():
        conn.execute(
            "with held as (select no from core.indexing_queue where workspace_id = %s and page_id = %s and no = any(%s)"
            " order by no for update) delete from core.indexing_queue as q using held as h"
            " where q.workspace_id = %s and q.page_id = %s and q.no = h.no",
            [workspace, page, nos, workspace, page],
        )
        conn.execute(
            "insert into core.indexing_dead_letters (workspace_id, page_id, no, op, generation, attempts, enqueued_at,"
            " died_at, error_code, error, fingerprint) select %s, %s, n, 'upsert', 1, 3, now(), clock_timestamp(),"
            " 'code', 'e', core.error_fingerprint('code', 'e') from unnest(%s::integer[]) as n order by n"
            " on conflict (workspace_id, page_id, no) do update set died_at = excluded.died_at, discarded_at = null",
            [workspace, page, sorted(nos)],
        )


def both(conn: Connection) -> object:
    """Blocks that wait and are dead."""
    row = conn.execute(
        "select count(*) from core.indexing_queue join core.indexing_dead_letters using (workspace_id, page_id, no)"
    ).fetchone()
    assert row is not None
    return row[0]


def test_a_replay_waits_for_a_save_and_leaves_its_edit_alone(
    conn: Connection, database: str, page: tuple[UUID, UUID]
) -> None:
    workspace, page_id = page
    with (
        psycopg.connect(database) as saver,
        psycopg.connect(database, autocommit=True) as operator,
        ThreadPoolExecutor(1) as pool,
    ):
        pages.write(saver, workspace, page_id, 3, "new")  # the entry waits, its dead letter is healed; not committed
        replay = pool.submit(
            lambda: operator.execute("select replayed, waiting from ops.replay_dead_letters('{}')").fetchone()
        )
        wait_until_waiting(database, operator.info.backend_pid)
        saver.commit()
        assert replay.result(10) == (BLOCKS, 0), "the healed one is not counted"
    assert conn.execute("select count(*) from core.indexing_queue").fetchone() == (BLOCKS + 1,)
    assert both(conn) == 0


def test_a_save_waits_for_a_replay(conn: Connection, database: str, page: tuple[UUID, UUID]) -> None:
    workspace, page_id = page
    with (
        psycopg.connect(database) as operator,
        psycopg.connect(database) as saver,
        ThreadPoolExecutor(1) as pool,
    ):
        operator.execute("select * from ops.replay_dead_letters('{}')")
        save = pool.submit(lambda: pages.write(saver, workspace, page_id, 3, "new"))
        wait_until_waiting(database, saver.info.backend_pid)
        operator.commit()
        save.result(10)
        saver.commit()
    assert conn.execute("select count(*) from core.indexing_queue").fetchone() == (BLOCKS + 1,)
    assert both(conn) == 0


@pytest.mark.parametrize(
    "statement",
    ["select replayed from ops.replay_dead_letters('{}')", "select discarded from ops.discard_dead_letters('{}')"],
)
def test_operators_at_the_same_moment_count_each_entry_once(
    conn: Connection, database: str, page: tuple[UUID, UUID], statement: LiteralString
) -> None:
    def act(session: Connection, _: int) -> int:
        row = session.execute(statement).fetchone()
        assert row is not None
        return row[0]

    counts = together(database, 4, act)
    assert sum(counts) == BLOCKS + 1
    total = conn.execute("select sum((details ->> 'count')::integer) from core.audit_log").fetchone()
    assert total == (BLOCKS + 1,)


@pytest.mark.slow
def test_savers_workers_and_operators_on_the_same_blocks_never_deadlock(
    conn: Connection, database: str, page: tuple[UUID, UUID]
) -> None:
    workspace, page_id = page
    end = threading.Event()

    def save(session: Connection, chance: random.Random) -> None:
        nos = chance.sample(range(1, BLOCKS + 1), 3)
        session.execute("select core.enqueue_blocks(%s, %s, %s, '{}', 100::smallint)", [workspace, page_id, nos])

    def fail(session: Connection, chance: random.Random) -> None:
        bury(session, workspace, page_id, chance.sample(range(1, BLOCKS + 1), 3))

    def replay(session: Connection, chance: random.Random) -> None:
        session.execute("select * from ops.replay_dead_letters('{}', %s)", [chance.randint(1, 5)])

    def discard(session: Connection, chance: random.Random) -> None:
        session.execute("select * from ops.discard_dead_letters('{}', %s)", [chance.randint(1, 5)])

    work = (save, save, save, fail, fail, replay, replay, discard)

    def run(session: Connection, number: int) -> int:
        chance, done = random.Random(number), 0
        while not end.is_set():
            work[number](session, chance)
            done += 1
        return done

    timer = threading.Timer(5, end.set)
    timer.start()
    counts = together(database, len(work), run)  # raises a deadlock
    timer.join()
    assert all(count > 10 for count in counts), counts
    conn.execute("select * from ops.replay_dead_letters('{}')")
    conn.execute("""select * from ops.replay_dead_letters('{"discarded": true}')""")
    assert both(conn) == 0

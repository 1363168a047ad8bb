"""Saves, claims and acks of one block, interleaved: nothing is lost, whoever comes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest

from worker.tests import pages

Connection = psycopg.Connection
MODEL = "hashing-384"


@pytest.fixture
def sessions(database: str) -> Iterator[Callable[[], Connection]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(psycopg.connect(database, autocommit=True))


@pytest.fixture
def workspace(conn: Connection) -> UUID:
    conn.execute("truncate core.indexing_queue, core.indexing_leases, core.indexing_dead_letters")
    return pages.create_workspace(conn)


def claim(conn: Connection, lease: UUID, priority: int = 100) -> list[tuple[int, int, int, str]]:
    """(no, generation, ver, text to embed) of everything due, in key order: the places of the lease."""
    claimed = conn.execute(
        "select places, bodies from indexing.claim(0::smallint, %s::smallint, -1, '{}', '{}', 100, %s, 60, null,"
        " array[%s])",
        [priority, lease, MODEL],
    ).fetchone()
    assert claimed is not None
    rows = conn.execute(
        "select a.no, a.generation, a.ver from core.indexing_leases as l,"
        " unnest(l.nos, l.generations, l.vers) with ordinality as a (no, generation, ver, place)"
        " where l.lease_id = %s order by a.place",
        [lease],
    ).fetchall()
    texts = dict(zip(claimed[0] or [], claimed[1] or [], strict=True))
    return [(*row, texts.get(place, "")) for place, row in enumerate(rows, 1)]


def write(conn: Connection, lease: UUID, places: list[int]) -> None:
    vector = "[" + ",".join(["1"] * 384) + "]"
    conn.execute(
        "select indexing.write_entries(%s, %s::integer[], %s::text[], %s::text[])",
        [lease, places, [MODEL] * len(places), [vector] * len(places)],
    )


def write_plain(conn: Connection, lease: UUID, places: list[int]) -> None:
    conn.execute(
        "select indexing.write_entries(%s, %s::integer[], %s::text[], %s::text[])",
        [lease, places, [None] * len(places), [None] * len(places)],
    )


def ack(conn: Connection, lease: UUID, places: list[int] | None) -> object:
    return conn.execute(
        "select done, again from indexing.ack(%s, %s, %s::integer[])", [lease, MODEL, places]
    ).fetchone()


def wait_for_lock(conn: Connection, other: Connection) -> None:
    """Until `other` waits for a lock."""
    end = time.monotonic() + 10
    while True:
        row = conn.execute(
            "select wait_event_type from pg_stat_activity where pid = %s", [other.info.backend_pid]
        ).fetchone()
        if row == ("Lock",):
            return
        assert time.monotonic() < end, "no lock was waited for"
        time.sleep(0.01)


def test_a_claim_leaves_a_block_alone_whose_save_is_not_committed(
    conn: Connection, sessions: Callable[[], Connection], workspace: UUID
) -> None:
    page = pages.create_page(conn, workspace, ["old"])
    saver = sessions()
    with saver.transaction():
        pages.write(saver, workspace, page, 1, "new")
        assert [row[0] for row in claim(conn, uuid4())] == [0]
    assert [(row[0], row[3]) for row in claim(conn, uuid4())] == [(1, "new")]


def test_a_claim_reads_the_text_of_a_save_that_committed_while_it_ran(
    conn: Connection, sessions: Callable[[], Connection], workspace: UUID
) -> None:
    """The claim's snapshot is older than the save, which had only locked the waiting row. The text must be new."""
    page = pages.create_page(conn, workspace, ["old"])
    saver, claimer = sessions(), sessions()
    # A trigger keeps the claim waiting between its snapshot and its update, as a slow moment would.
    conn.execute(
        "create function public.hold() returns trigger language plpgsql as"
        " $$ begin perform pg_advisory_xact_lock_shared(77); return null; end $$"
    )
    conn.execute(
        "create trigger hold before update on core.indexing_queue for each statement execute function public.hold()"
    )
    try:
        conn.execute("select pg_advisory_lock(77)")
        lease, claimed = uuid4(), list[tuple[int, int, int, str]]()
        thread = threading.Thread(target=lambda: claimed.extend(claim(claimer, lease)))
        thread.start()
        wait_for_lock(conn, claimer)
        saver.execute("set lock_timeout = '5s'")
        saver.execute('update core.blocks set data = \'{"text": "new"}\', ver = 2 where page_id = %s', [page])
        conn.execute("select pg_advisory_unlock(77)")
        thread.join(10)
        assert [row[3] for row in sorted(claimed)] == ["", "new"]
    finally:
        conn.execute("select pg_advisory_unlock_all()")
        conn.execute("drop trigger hold on core.indexing_queue; drop function public.hold()")


def test_an_ack_waits_for_a_save_in_progress_and_then_keeps_the_row(
    conn: Connection, sessions: Callable[[], Connection], workspace: UUID
) -> None:
    page = pages.create_page(conn, workspace, ["old"])
    saver, worker = sessions(), sessions()
    lease, answers = uuid4(), list[object]()
    assert len(claim(worker, lease)) == 2
    write(worker, lease, [2])
    with saver.transaction():
        pages.write(saver, workspace, page, 1, "new")
        thread = threading.Thread(target=lambda: answers.append(ack(worker, lease, [2])))
        thread.start()
        wait_for_lock(conn, worker)
    thread.join(10)
    assert answers == [(0, 1)]
    kept = conn.execute("select lease_id, generation, attempts from core.indexing_queue where no = 1").fetchone()
    assert kept == (None, 2, 0)


def test_an_ack_finds_its_rows_after_the_table_was_rewritten(
    conn: Connection, sessions: Callable[[], Connection], workspace: UUID
) -> None:
    pages.create_page(conn, workspace, ["a text"] * 20)
    worker, lease = sessions(), uuid4()
    claimed = claim(worker, lease)
    assert len(claimed) == 21
    write(worker, lease, list(range(1, 22)))
    places = "select array_agg(q.ctid order by q.no) from core.indexing_queue as q"
    before = conn.execute(places).fetchone()
    conn.execute("vacuum full core.indexing_queue")
    assert conn.execute(places).fetchone() != before
    assert ack(worker, lease, None) == (21, 0)


def test_settling_passes_over_a_vector_that_is_being_written(
    conn: Connection, sessions: Callable[[], Connection], workspace: UUID
) -> None:
    conn.execute("truncate core.block_embeddings")
    pages.create_page(conn, workspace, ["one", "two"])
    conn.execute("update core.indexing_queue set run_at = '-infinity'")
    lease = uuid4()
    claimed = claim(conn, lease)
    write(conn, lease, list(range(1, len(claimed) + 1)))
    conn.execute("update core.block_embeddings set fresh_since = now() - interval '2 minutes'")
    other = sessions()
    settle = "select settled, more from indexing.settle_vectors(10)"
    with other.transaction():
        other.execute("update core.block_embeddings set fresh_since = now() where no = 1")
        assert conn.execute(settle).fetchone() == (2, False), "the title and the other block"
    assert conn.execute(settle).fetchone() == (0, False)
    assert conn.execute("select no from core.block_embeddings where vec is null").fetchall() == [(1,)]


def test_a_save_that_waited_for_the_last_failure_leaves_no_dead_letter(
    conn: Connection, sessions: Callable[[], Connection], workspace: UUID
) -> None:
    page = pages.create_page(conn, workspace, ["old"])
    saver, worker = sessions(), sessions()
    lease = uuid4()
    claim(worker, lease)
    conn.execute("update core.indexing_queue set attempts = 3 where page_id = %s", [page])
    with worker.transaction():
        failed = worker.execute(
            "select retried, dead from indexing.fail(%s, array[2], array['c'], array['e'])", [lease]
        ).fetchone()
        assert failed == (0, 1)
        thread = threading.Thread(target=lambda: pages.edit(saver, workspace, page, 1, "new"))
        thread.start()
        wait_for_lock(conn, saver)
    thread.join(10)
    assert conn.execute("select count(*) from core.indexing_dead_letters").fetchone() == (0,)
    assert conn.execute("select count(*) from core.indexing_queue where no = 1").fetchone() == (1,)


@pytest.mark.slow
def test_saves_and_workers_in_every_order_never_deadlock(
    conn: Connection, sessions: Callable[[], Connection], workspace: UUID
) -> None:
    """Savers and workers at the same rows for some seconds: no deadlock, and at the end every entry is the newest."""
    page_ids = [pages.create_page(conn, workspace, [f"text {n}" for n in range(8)]) for _ in range(3)]
    stop = time.monotonic() + 5
    errors: list[Exception] = []

    def save(number: int, session: Connection) -> None:
        count = 0
        while time.monotonic() < stop:
            count += 1
            for page in page_ids:
                with session.transaction():
                    session.execute("select 1 from core.pages where id = %s for update", [page])
                    for no in (count % 8 + 1, (count + number) % 8 + 1):
                        session.execute(
                            "update core.blocks set data = jsonb_build_object('text', %s::text), ver = ver + 1"
                            " where page_id = %s and no = %s",
                            [f"save {number} {count}", page, no],
                        )
                    nos = [count % 8 + 1, (count + number) % 8 + 1]
                    session.execute(
                        "select core.enqueue_blocks(%s, %s, %s::integer[], '{}', 100::smallint)", [workspace, page, nos]
                    )

    def work(session: Connection) -> None:
        while time.monotonic() < stop + 20:
            lease = uuid4()
            rows = claim(session, lease)
            if not rows:
                left = session.execute("select count(*) from core.indexing_queue").fetchone()
                if time.monotonic() > stop and left == (0,):
                    return
                time.sleep(0.02)
                continue
            write(session, lease, [place for place, row in enumerate(rows, 1) if row[3]])
            write_plain(session, lease, [place for place, row in enumerate(rows, 1) if not row[3]])
            ack(session, lease, None)

    def guarded(function: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                function()
            except Exception as error:
                errors.append(error)

        return run

    savers, workers = [sessions() for _ in range(3)], [sessions() for _ in range(3)]
    jobs = [partial(save, number, session) for number, session in enumerate(savers, 1)]
    jobs += [partial(work, session) for session in workers]
    threads = [threading.Thread(target=guarded(job)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert pages.disagreements(conn, workspace, MODEL) == []
    assert conn.execute("select count(*) from core.indexing_queue").fetchone() == (0,)

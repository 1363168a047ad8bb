"""core.oldest_xmin: who keeps vacuum from removing dead rows, of each kind, and where operators see it."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager

import psycopg
import pytest
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.settings import as_role


def holder(conn: psycopg.Connection, after: float = 75) -> tuple[float, str | None]:
    """What is said of whoever holds now, `after` seconds later."""
    row = conn.execute(
        "select seconds, holder from core.oldest_xmin(clock_timestamp() + make_interval(secs => %s))", [after]
    ).fetchone()
    assert row is not None
    return row


def one(conn: psycopg.Connection, statement: str, *parameters: object) -> str:
    row = conn.execute(statement.encode(), parameters).fetchone()
    assert row is not None
    return str(row[0])


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def session(database: str, name: str, isolation: str = "read committed") -> Generator[psycopg.Connection]:
    with psycopg.connect(make_conninfo(database, application_name=name)) as connection:
        connection.execute(f"set transaction isolation level {isolation}".encode())
        yield connection
        connection.rollback()


@contextmanager
def standby(conn: psycopg.Connection, database: str, slot: str | None = None) -> Generator[int]:
    """Stands in for a standby with hot_standby_feedback: its walsender's pid."""
    address = make_conninfo(database, replication="true", application_name="reports")
    with closing(Standby(address)) as walsender:
        walsender.follow(conn, slot)
        yield walsender.pid


class Standby:
    """A replication connection; psycopg itself has none."""

    def __init__(self, address: str) -> None:
        self._pgconn = pq.PGconn.connect(address.encode())
        assert self._pgconn.status == pq.ConnStatus.OK, self._pgconn.error_message
        self.pid = self._pgconn.backend_pid

    def follow(self, conn: psycopg.Connection, slot: str | None) -> None:
        """Stream from now on, and report a query that reads what the newest transaction sees."""
        command = (
            f"START_REPLICATION {f'SLOT {slot} ' if slot else ''}PHYSICAL {one(conn, 'select pg_current_wal_lsn()')}"
        )
        assert self._pgconn.exec_(command.encode()).status == pq.ExecStatus.COPY_BOTH, self._pgconn.error_message
        xmin = int(one(conn, "select pg_snapshot_xmin(pg_current_snapshot())"))
        self._pgconn.put_copy_data(b"h" + struct.pack("!qIIII", 0, xmin & 0xFFFFFFFF, xmin >> 32, 0, 0))
        self._pgconn.flush()

    def close(self) -> None:
        self._pgconn.finish()


@pytest.fixture(autouse=True)
def no_statistics(conn: psycopg.Connection) -> None:
    conn.execute("truncate core.indexing_stats")
    conn.execute("create table if not exists public.numbers as select n from generate_series(1, 100000) as n")


def test_nobody(conn: psycopg.Connection) -> None:
    assert holder(conn, 0)[1] is None


def test_a_session_that_reads_an_old_snapshot(conn: psycopg.Connection, database: str) -> None:
    with session(database, "nightly export", "repeatable read") as reader:
        reader.execute("select 'secret of a customer'")
        role, pid = one(reader, "select current_user"), reader.info.backend_pid
        seconds, text = holder(conn)
        assert text == f"pid {pid}, role {role}, application nightly export, idle in transaction"
        assert 75 <= seconds < 90
        assert holder(conn, 0.5)[1] is None, "half a second is nothing to tell of"
    wait_until(lambda: holder(conn, 0)[1] is None)


def test_a_session_that_wrote_and_idles(conn: psycopg.Connection, database: str) -> None:
    """It has a transaction id and no snapshot."""
    with session(database, "psql") as writer:
        writer.execute("create table public.mine ()")
        assert holder(conn)[1] == f"pid {writer.info.backend_pid}, role postgres, application psql, idle in transaction"


def test_the_oldest_snapshot_counts_and_not_the_longest_transaction(conn: psycopg.Connection, database: str) -> None:
    with session(database, "longest") as longest, session(database, "holds", "repeatable read") as holds:
        longest.execute("select 1")
        holds.execute("select 1")
        conn.execute("create table public.newer (); drop table public.newer")  # other ids from here on
        thread = threading.Thread(target=lambda: longest.execute("select pg_sleep(3)"))
        thread.start()
        busy = "select count(*) from pg_stat_activity where application_name = 'longest' and backend_xmin is not null"
        wait_until(lambda: one(conn, busy) == "1")
        assert f"pid {holds.info.backend_pid}," in (holder(conn)[1] or "")
        # alone, it holds since the snapshot of its statement, which the statistics know
        holds.rollback()
        conn.execute(
            "insert into core.indexing_stats (at, measured_at, ready, processing, backing_off, dead,"
            " oldest_ready_seconds, lag_seconds, done_total, failed_total, dead_total, workers, dead_tuples,"
            " oldest_xmin_seconds, exact, heads, last_seq, next_xid) select now(), clock_timestamp()"
            " + interval '60 s', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, true, '{}', 0, backend_xmin::text::bigint - 1"
            " from pg_stat_activity where application_name = 'longest'"
        )
        seconds, text = holder(conn)
        assert f"pid {longest.info.backend_pid}," in (text or "") and 14 < seconds <= 15.1
        thread.join()


def test_vacuum_holds_nobody_back(conn: psycopg.Connection, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as vacuum:
        vacuum.execute("set vacuum_cost_delay = 100")
        vacuum.execute("set vacuum_cost_limit = 1")
        conn.execute("delete from public.numbers where n % 2 = 0")

        def run() -> None:
            with pytest.raises(psycopg.errors.QueryCanceled):
                vacuum.execute("vacuum public.numbers")

        thread = threading.Thread(target=run)
        thread.start()
        pid = vacuum.info.backend_pid
        wait_until(lambda: one(conn, "select count(*) from pg_stat_progress_vacuum where pid = %s", pid) == "1")
        xmin = one(
            conn, "select coalesce(backend_xmin, backend_xid) is not null from pg_stat_activity where pid = %s", pid
        )
        text = holder(conn)[1]
        vacuum.cancel()
        thread.join()
    assert xmin == "True" and f"pid {pid}," not in (text or "")


def test_a_standby_and_its_slot(conn: psycopg.Connection, database: str) -> None:
    busy = "select count(*) from pg_stat_activity where backend_type = 'walsender' and backend_xmin is not null"
    with standby(conn, database) as pid:
        wait_until(lambda: one(conn, busy) == "1")
        assert holder(conn)[1] is None, "without statistics nobody knows since when"
        conn.execute("select ops.record_indexing_stats()")
        assert (holder(conn)[1] or "").startswith(f"standby reports, pid {pid}, role postgres")
    wait_until(lambda: holder(conn, 0)[1] is None)
    conn.execute("select pg_create_physical_replication_slot('east')")
    try:
        with standby(conn, database, "east") as pid:
            wait_until(lambda: one(conn, "select count(xmin) from pg_replication_slots") == "1")
            assert holder(conn)[1] == f"replication slot east, used by pid {pid}"
        # an id later: the statistics still say since when
        conn.execute("create table public.later (); drop table public.later")
        wait_until(lambda: holder(conn)[1] == "replication slot east, not in use")
        assert 75 <= holder(conn)[0] < 110
    finally:
        wait_until(lambda: one(conn, "select count(active_pid) from pg_replication_slots") == "0")
        conn.execute("select pg_drop_replication_slot('east')")


def test_a_prepared_transaction(conn: psycopg.Connection, database: str) -> None:
    if one(conn, "show max_prepared_transactions") == "0":
        pytest.skip("this server has no prepared transactions")
    conn.execute("begin")
    conn.execute("create table public.prepared ()")
    conn.execute("prepare transaction 'order 17'")
    try:
        assert holder(conn)[1] == "prepared transaction 'order 17', role postgres"
        assert 75 <= holder(conn)[0] < 90
    finally:
        conn.execute("rollback prepared 'order 17'")


def test_operators_see_it(conn: psycopg.Connection, database: str) -> None:
    """With the rights of the worker and of the monitor; the metric has no name for it."""
    assert conninfo_to_dict(database)["user"] == "postgres"
    with session(database, "report", "repeatable read") as reader:
        reader.execute("select 1")
        pid = reader.info.backend_pid
        wait_until(lambda: holder(conn, 0)[0] > 1)
        # quiet: the statistics see the same next transaction id as the reader did
        with psycopg.connect(as_role(database, "quire_worker"), autocommit=True) as worker:
            worker.execute("select ops.record_indexing_stats()")
        seconds, text = conn.execute(
            "select oldest_xmin_seconds, oldest_xmin_holder from core.indexing_stats"
        ).fetchall()[0]
        assert seconds > 1 and text == f"pid {pid}, role postgres, application report, idle in transaction"
        with psycopg.connect(as_role(database, "quire_monitor"), autocommit=True) as monitor:
            assert one(monitor, "select ops.describe_indexing() ->> 'oldest_xmin_holder'") == text
            gauge = "select labels, value > 1 from ops.metrics() where name = 'quire_oldest_xmin_seconds'"
            assert monitor.execute(gauge.encode()).fetchall() == [({}, True)]
    wait_until(lambda: one(conn, "select ops.describe_indexing() -> 'oldest_xmin_holder'") == "None")

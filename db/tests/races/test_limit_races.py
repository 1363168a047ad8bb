"""Hits that meet: exact counts, all or nothing, no deadlock; a table that cannot be locked; a server that is killed."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from db.embedded import temporary_server
from db.migrate import migrate
from db.tests.cluster import PG_VERSION
from db.tests.races.sessions import together, wait_until_waiting

Connection = psycopg.Connection[Any]
BUCKET = "select from core.rate_buckets where policy = %s and key = %s for update"


def decide(connection: Connection, user: uuid.UUID, policies: list[str], costs: list[int] | None = None) -> str:
    """The decision on one request."""
    row = connection.execute(
        "select decision from core.decide_limits(%s, %s, %s, null, null, '192.0.2.1')",
        [policies, costs or [1] * len(policies), user],
    ).fetchone()
    assert row is not None
    return row[0]


def used(conninfo: str, policy: str, user: uuid.UUID) -> int:
    """Points in the log of a user."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "select coalesce(sum(cardinality(hits)), 0) from core.rate_buckets where policy = %s and key = %s",
            [policy, str(user)],
        ).fetchone()
    assert row is not None
    return row[0]


@contextmanager
def policies(conninfo: str, *rows: tuple[str, int, int, str]) -> Generator[None]:
    """Policies of 60 s for a with block: name, points, block, on_failure."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for name, points, block, on_failure in rows:
            connection.execute(
                "insert into core.rate_policies values (%s, %s, 60, %s, 'user', 'enforce', %s)",
                [name, points, block, on_failure],
            )
        try:
            yield
        finally:
            connection.execute("delete from core.rate_policies where name = any(%s)", [[row[0] for row in rows]])


def test_of_320_hits_of_one_user_exactly_30_get_in(database: str) -> None:
    user = uuid.uuid4()
    hits = together(database, 32, lambda connection, _: [decide(connection, user, ["page-save"]) for _ in range(10)])
    found = Counter(decision for each in hits for decision in each)
    assert found["allowed"] == 30
    assert found["allowed"] + found["limited"] + found["blocked"] == 320
    assert used(database, "page-save", user) == 30


def test_two_policies_in_either_order_are_all_or_nothing_and_never_deadlock(database: str) -> None:
    user = uuid.uuid4()
    # The first in line has room for more than the second: what it gave in vain has to come back.
    with policies(database, ("first", 200, 0, "closed"), ("second", 40, 0, "closed")):
        hits = together(
            database,
            16,
            lambda connection, number: [
                decide(connection, user, ["first", "second"] if number % 2 else ["second", "first"]) for _ in range(10)
            ],
        )
        found = Counter(decision for each in hits for decision in each)
        assert found["allowed"] == 40, found
        assert found["limited"] == 120, found
        assert (used(database, "first", user), used(database, "second", user)) == (40, 40)


def test_a_refund_that_meets_hits_frees_what_was_taken(database: str) -> None:
    user = uuid.uuid4()

    def work(connection: Connection, _: int) -> int:
        kept = 0
        for place in range(12):
            row = connection.execute(
                "select decision, hit_at from core.decide_limits('{page-save}', '{1}', %s, null, null, null)", [user]
            ).fetchone()
            assert row is not None
            if row[0] == "allowed" and place % 2:
                connection.execute(
                    "select points from api.refund(null, %s, null, null, '{page-save}', '{1}', %s, null)",
                    [user, [row[1]]],
                )
            elif row[0] == "allowed":
                kept += 1
        return kept

    kept = sum(together(database, 4, work))  # 48 hits, 24 of them given back: nobody goes over 30 of the others
    assert used(database, "page-save", user) == kept <= 30


@pytest.mark.parametrize(("on_failure", "decision"), [("open", "failed_open"), ("closed", "failed_closed")])
@pytest.mark.parametrize("lock", ["row", "table"])
def test_what_cannot_be_locked_is_decided_by_the_policy_within_250_ms(
    database: str, on_failure: str, decision: str, lock: str
) -> None:
    user = uuid.uuid4()
    with (
        policies(database, ("a", 5, 60, on_failure), ("b", 5, 60, on_failure)),
        psycopg.connect(database) as holder,
        psycopg.connect(database, autocommit=True) as connection,
    ):
        assert decide(connection, user, ["a", "b"]) == "allowed"
        if lock == "row":
            holder.execute(BUCKET, ["a", str(user)])
            holder.execute(BUCKET, ["b", str(user)])
        else:
            holder.execute("lock table core.rate_buckets in access exclusive mode")
        for names in (["a"], ["a", "b"]):
            begin = time.monotonic()
            connection.execute("set statement_timeout = '5s'")  # fails rather than waits for the holder for ever
            assert decide(connection, user, names) == decision
            assert 0.2 < time.monotonic() - begin < 1  # 250 ms, for two policies as for one
        if lock == "row":
            assert decide(connection, user, ["a", "b"], [0, 0]) == "allowed", "who only looks waits for nobody"
        holder.rollback()
        assert decide(connection, user, ["a", "b"]) == "allowed"
    assert used(database, "a", user) == 2, "what failed took nothing"


def test_one_closed_policy_that_fails_refuses_for_all(database: str) -> None:
    user = uuid.uuid4()
    with (
        policies(database, ("a", 5, 60, "open"), ("b", 5, 60, "closed")),
        psycopg.connect(database) as holder,
        psycopg.connect(database, autocommit=True) as connection,
    ):
        assert decide(connection, user, ["a", "b"]) == "allowed"
        holder.execute(BUCKET, ["b", str(user)])
        assert decide(connection, user, ["a", "b"]) == "failed_closed"
        holder.rollback()
        holder.execute(BUCKET, ["a", str(user)])
        assert decide(connection, user, ["a", "b"]) == "allowed", "an open one that fails leaves it to the other"
    assert (used(database, "a", user), used(database, "b", user)) == (1, 2)


def test_an_unblock_meets_hits_that_wait(database: str) -> None:
    """A bucket that is taken away under a waiting hit: the hit makes a new one."""
    user = uuid.uuid4()
    with psycopg.connect(database, autocommit=True) as connection, psycopg.connect(database) as operator:
        assert decide(connection, user, ["page-save"], [30]) == "allowed"
        operator.execute("select ops.unblock_limit(%s)", [str(user)])
        with ThreadPoolExecutor(1) as pool:
            # its own snapshot sees the full log, but a policy that blocks is decided behind the lock
            hit = pool.submit(decide, connection, user, ["page-save"])
            wait_until_waiting(database, connection.info.backend_pid)
            operator.commit()
            assert hit.result() == "allowed"
    assert used(database, "page-save", user) == 1


def test_hits_are_hot_and_write_next_to_no_wal(database: str) -> None:
    user = uuid.uuid4()
    with psycopg.connect(database, autocommit=True) as connection:
        with policies(database, ("many", 50, 0, "open")):
            decide(connection, user, ["many"])
            connection.execute("select pg_stat_force_next_flush()")
            before = _updates(connection)
            start = _wal(connection)
            for _ in range(200):
                decide(connection, user, ["many"])
            wal = _wal(connection) - start
            connection.execute("select pg_stat_force_next_flush()")
            after = _updates(connection)
        assert after[0] - before[0] == 49 and after[1] - before[1] == 49, (
            "one update a hit let in, none a refusal; all HOT"
        )
        assert wal < 49 * 300, f"{wal} bytes of WAL"  # commit records, and what runs beside


def _updates(connection: Connection) -> tuple[int, int]:
    row = connection.execute(
        "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relid = 'core.rate_buckets'::regclass"
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def _wal(connection: Connection) -> int:
    row = connection.execute("select (pg_current_wal_insert_lsn() - '0/0')::bigint").fetchone()
    assert row is not None
    return row[0]


def test_after_kill_9_of_postgresql_the_limiter_works_at_once() -> None:
    user = uuid.uuid4()
    with temporary_server(PG_VERSION) as server:
        server.create_database("quire")
        migrate(server.url("quire"), log=lambda _: None)
        with psycopg.connect(server.url("quire"), autocommit=True) as connection:
            decisions = Counter(decide(connection, user, ["page-save"]) for _ in range(40))
            assert decisions == {"allowed": 30, "limited": 1, "blocked": 9}
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
        server.start()
        with psycopg.connect(server.url("quire"), autocommit=True) as connection:
            # The table is UNLOGGED: empty now, so there is one more quota. Nothing else is amiss.
            assert connection.execute("select count(*) from core.rate_buckets").fetchone() == (0,)
            decisions = Counter(decide(connection, user, ["page-save"]) for _ in range(40))
            assert decisions == {"allowed": 30, "limited": 1, "blocked": 9}
        server.stop()
        server.start()
        with psycopg.connect(server.url("quire"), autocommit=True) as connection:
            assert decide(connection, user, ["page-save"]) == "blocked", "a clean restart keeps it"

"""The migration of a populated old database: under load, interrupted, held up, and equal to a fresh install."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.migrate import MigrationError, check, migrate
from db.schema_dump import dump_database
from db.tests.cluster import Cluster
from db.tests.migrations.old_application import lost_rows, make_old_database, read_old_pages
from db.tests.migrations.old_clients import Run, migrate_under_load

OLD_ROLE = "quire_test_old_application"


def quiet_migrate(conninfo: str, to: int | None = None) -> None:
    migrate(conninfo, log=lambda _: None, to=to)


def query(conninfo: str, statement: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo) as connection:
        return connection.execute(statement, values).fetchall()


@contextmanager
def old_role(cluster: Cluster) -> Generator[None]:
    """The role that the old application works as: no owner of anything."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(OLD_ROLE)))
    try:
        yield
    finally:
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(OLD_ROLE)))


@dataclass
class Adopted:
    """A database that was migrated under load, with what its old queue held."""

    conninfo: str
    run: Run
    entries: list[tuple[Any, ...]]  # id, page_id, block_ids, status, attempts, created_at, processed_at


@pytest.fixture(scope="module")
def adopted(cluster: Cluster) -> Generator[Adopted]:
    with old_role(cluster), cluster.temporary(empty=True) as conninfo:
        make_old_database(conninfo, pages=200, blocks=100)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(
                sql.SQL(
                    "grant select, insert, update, delete on all tables in schema public to {0};"
                    "grant usage on all sequences in schema public to {0}"
                ).format(sql.Identifier(OLD_ROLE))
            )
        entries = query(
            conninfo, "select id, page_id, block_ids, status, attempts, created_at, processed_at from indexing_queue"
        )
        run = migrate_under_load(
            make_conninfo(conninfo, options=f"-c role={OLD_ROLE}"), lambda: quiet_migrate(conninfo)
        )
        yield Adopted(conninfo, run, entries)


def test_no_acknowledged_write_is_lost(adopted: Adopted) -> None:
    # The load was one: clients wrote before the switch, were refused after it, and went on in the new way.
    for writer in adopted.run.writers:
        assert writer.acknowledged > 100
        assert writer.refused
        assert writer.versioned
    assert sum(reader.reads for reader in adopted.run.readers) > 100
    assert lost_rows(adopted.conninfo, adopted.run.pages) == []


def test_what_is_refused_says_what_to_do(adopted: Adopted) -> None:
    messages = "\n".join(message for writer in adopted.run.writers for message in writer.refused)
    assert "blocks is refused: save blocks through the API: PATCH /v1/workspaces/" in messages


def test_nobody_waits_long(adopted: Adopted) -> None:
    # The bench measures it: about 0.3 s on an idle machine. The bound is for a busy one.
    assert adopted.run.longest("read").seconds < 2.0
    assert adopted.run.longest("write").seconds < 2.0


def test_the_old_queue_is_carried_over(adopted: Adopted) -> None:
    blocks = {
        (str(page_id), block_id): (no, version)
        for page_id, block_id, no, version in query(
            adopted.conninfo,
            "select b.page_id, b.id, b.no, p.version from core.blocks as b join core.pages as p"
            " on p.workspace_id = b.workspace_id and p.id = b.page_id where p.deleted_at is null",
        )
    }
    queued = {
        (str(page_id), no): (priority, attempts, enqueued_at)
        for page_id, no, priority, attempts, enqueued_at in query(
            adopted.conninfo, "select page_id, no, priority, attempts, enqueued_at from core.indexing_queue"
        )
    }
    dead = {(str(row[0]), row[1]): row[2] for row in query(
        adopted.conninfo, "select page_id, no, error from core.indexing_dead_letters"
    )}  # fmt: skip
    done = {(str(row[0]), row[1], row[2]) for row in query(
        adopted.conninfo, "select page_id, no, processed_at from core.indexing_done"
    )}  # fmt: skip
    written = {entry for writer in adopted.run.writers for entry in writer.queued}
    week_ago = datetime.now(timezone.utc) - timedelta(days=7)  # noqa: UP017 - pyright and ruff disagree on its name
    waiting = {
        (str(page_id), str(block_id))
        for _, page_id, block_ids, status, *_ in adopted.entries
        if status in ("pending", "processing")
        for block_id in block_ids
    } | written
    seen = {"waiting": 0, "failed": 0, "completed": 0}
    for _, page_id, block_ids, status, attempts, created_at, processed_at in adopted.entries:
        for block_id in map(str, block_ids):
            key = (str(page_id), block_id)
            if key not in blocks:
                continue
            place = (str(page_id), blocks[key][0])
            if status in ("pending", "processing"):
                seen["waiting"] += 1
                priority, tried, enqueued_at = queued[place]
                assert priority == 100
                assert min(attempts, 2) <= tried <= 2
                assert enqueued_at <= created_at
            elif status == "failed" and key not in waiting:
                seen["failed"] += 1
                assert dead[place] == "provider said no"
                assert place not in queued
            elif status == "completed" and processed_at > week_ago:
                seen["completed"] += 1
                assert (*place, processed_at) in done
    assert min(seen.values()) > 10, seen
    assert not [processed_at for _, _, processed_at in done if processed_at < week_ago]
    for key in written & blocks.keys():
        assert queued[(key[0], blocks[key][0])][0] == 100
    # Every block waits or is dead, and none is both; so do title and properties.
    places = {(page_id, no) for (page_id, _), (no, _) in blocks.items()}
    alive = {(page_id, 0) for page_id, page in adopted.run.pages.items() if not page.deleted}
    assert (places | alive) - queued.keys() - dead.keys() == set()
    assert not queued.keys() & dead.keys()
    assert query(adopted.conninfo, "select count(*) from core.indexing_done_default") == [(0,)]


def test_nothing_of_the_switch_is_left(adopted: Adopted) -> None:
    left = query(
        adopted.conninfo,
        "select proname from pg_proc where proname like 'mig\\_%%' union all"
        " select relname from pg_class where relname like 'mig\\_%%' union all"
        " select nspname from pg_namespace where nspname = 'legacy' union all"
        " select tgname from pg_trigger where tgname like 'mig\\_%%' or tgenabled = 'D'",
    )
    assert left == []
    assert check(adopted.conninfo) == []
    assert query(adopted.conninfo, "select convalidated from pg_constraint where conname = 'pages_workspace_fk'") == [
        (True,)
    ]


def test_an_upgraded_database_is_a_fresh_one(cluster: Cluster, empty_database: str) -> None:
    make_old_database(empty_database, pages=20, blocks=5)
    quiet_migrate(empty_database)
    with cluster.temporary(empty=True) as fresh:
        quiet_migrate(fresh)
        expected = dump_database(cluster.embedded, str(conninfo_to_dict(fresh)["dbname"]))
    assert dump_database(cluster.embedded, str(conninfo_to_dict(empty_database)["dbname"])) == expected
    again = migrate(empty_database, log=lambda _: None)
    assert (again.migrations, again.functions) == ((), ())


def test_pages_keep_their_order_and_odd_data(empty_database: str) -> None:
    make_old_database(empty_database, pages=60, blocks=12)
    before = read_old_pages(empty_database)
    shown = query(empty_database, "select page_id, id, type from blocks order by page_id, position, id")
    quiet_migrate(empty_database)
    assert lost_rows(empty_database, before) == []
    assert any(not page.blocks for page in before.values())
    assert query(empty_database, "select page_id, id, type from blocks order by page_id, position, id") == shown
    version_one = query(
        empty_database,
        "select p.id, c.ops = jsonb_build_array(jsonb_build_object('op', 'add', 'path', '', 'value',"
        " core.page_document(p)::jsonb - 'id' - 'version')) from core.pages as p join core.page_changes as c"
        " on c.workspace_id = p.workspace_id and c.page_id = p.id and c.kind = 'adopt'",
    )
    assert len(version_one) == 60
    assert all(same for _, same in version_one)


def test_a_stop_before_the_drop_leaves_the_old_tables_to_look_at(empty_database: str) -> None:
    make_old_database(empty_database, pages=30, blocks=10)
    said: list[str] = []
    migrate(empty_database, log=said.append, to=11)
    assert any("entries of the old queue name pages or blocks that are gone" in line for line in said)
    assert not any("already exists" in line for line in said)
    rows = query(empty_database, "select count(*) from legacy.pages union all select count(*) from pages")
    assert rows == [(30,), (30,)]
    quiet_migrate(empty_database)
    assert check(empty_database) == []


def test_interrupted_copying_goes_on(empty_database: str) -> None:
    make_old_database(empty_database, pages=400, blocks=40)
    pages = read_old_pages(empty_database)

    def interrupt() -> None:
        with psycopg.connect(empty_database, autocommit=True) as connection:
            while connection.execute("select to_regclass('core.pages')").fetchone() == (None,):
                time.sleep(0.01)
            while (connection.execute("select count(*) from core.pages").fetchone() or (0,))[0] < 100:
                time.sleep(0.01)
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'quire migrate' and datname = current_database()"
            )

    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises((psycopg.OperationalError, MigrationError)):
        quiet_migrate(empty_database)
    killer.join()
    half = query(empty_database, "select count(*) from core.pages")[0][0]
    assert 100 <= half < 400
    # Copied already, both. The deleted one has no blocks, whose own triggers would tell of it.
    edited, gone = sorted(pages)[0], next(page_id for page_id in sorted(pages) if not pages[page_id].blocks)
    with psycopg.connect(empty_database) as connection:
        connection.execute("update pages set title = 'meanwhile' where id = %s", [edited])
        connection.execute("delete from pages where id = %s", [gone])
    pages[edited].title = "meanwhile"
    del pages[gone]
    quiet_migrate(empty_database)
    assert lost_rows(empty_database, pages) == []


def test_a_truncate_during_the_copying_is_seen(empty_database: str) -> None:
    make_old_database(empty_database, pages=20, blocks=5)
    quiet_migrate(empty_database, to=8)
    with psycopg.connect(empty_database) as connection:
        connection.execute("truncate blocks")
    pages = read_old_pages(empty_database)
    quiet_migrate(empty_database)
    assert lost_rows(empty_database, pages) == []
    assert query(empty_database, "select count(*) from core.blocks") == [(0,)]


def test_a_transaction_that_stays_open_holds_up_the_switch_and_nobody_else(empty_database: str) -> None:
    make_old_database(empty_database, pages=20, blocks=5)
    quiet_migrate(empty_database, to=8)
    longest = 0.0
    with psycopg.connect(empty_database) as holder, psycopg.connect(empty_database, autocommit=True) as other:
        holder.execute("select count(*) from blocks")
        switching = threading.Thread(target=quiet_migrate, args=(empty_database,))
        switching.start()
        end = time.monotonic() + 2
        # at least until it has tried once: on a slow machine the functions before it take longer than that
        while time.monotonic() < end or (longest <= 0.05 and time.monotonic() < end + 60):
            began = time.monotonic()
            other.execute("select count(*) from pages")
            other.execute("select count(*) from blocks")
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.005)
        assert switching.is_alive()
        assert query(empty_database, "select relkind from pg_class where oid = 'public.pages'::regclass") == [("r",)]
        holder.rollback()
        switching.join(30)
    # It did try, again and again, and stepped back each time after a quarter of a second.
    assert 0.05 < longest < 1.0
    assert check(empty_database) == []


@pytest.mark.parametrize(
    ("obstacle", "message"),
    [
        ("create table comments (page_id uuid references pages (id))", "foreign keys point to .* comments"),
        ("create view titles as select title from pages", "views or rules use .* titles"),
        ("create schema legacy", "schema legacy exists"),
    ],
)
def test_what_the_switch_would_break_is_named_before_anything_is_done(
    empty_database: str, obstacle: LiteralString, message: str
) -> None:
    make_old_database(empty_database, pages=2, blocks=2)
    with psycopg.connect(empty_database) as connection:
        connection.execute(obstacle)
    with pytest.raises(MigrationError, match=message):
        quiet_migrate(empty_database)
    assert query(empty_database, "select to_regclass('core.workspaces')") == [(None,)]

"""Workers that make snapshots or purge pages at once, and saves meanwhile: nothing twice, nobody waits."""

import uuid

import psycopg
import pytest

WORKSPACE = uuid.UUID(int=1)
PAGES = [uuid.UUID(int=100 + n) for n in range(6)]


@pytest.fixture
def due(conn: psycopg.Connection) -> psycopg.Connection:
    """Six pages, each with its first version, of which a snapshot is due."""
    conn.execute("truncate core.pages, core.page_changes, core.page_snapshots_due cascade")
    conn.execute(
        "insert into core.workspaces (id, name, created_at) values (%s, 'w', now()) on conflict do nothing", [WORKSPACE]
    )
    for page in PAGES:
        conn.execute("insert into core.pages (workspace_id, id) values (%s, %s)", [WORKSPACE, page])
        conn.execute(
            "insert into core.page_changes (workspace_id, page_id, version, at, base_version, kind, ops, undo, touched)"
            " values (%s, %s, 1, now(), 0, 'create', %s, '{}', '[]')",
            [WORKSPACE, page, '[{"op": "add", "path": "", "value": {"title": "", "properties": {}, "blocks": []}}]'],
        )
        conn.execute("insert into core.page_snapshots_due values (%s, %s, 1)", [WORKSPACE, page])
    return conn


def snapshots(conn: psycopg.Connection) -> list[tuple[uuid.UUID, int]]:
    return conn.execute("select page_id, version from core.page_snapshots order by 1, 2").fetchall()


def test_two_workers_take_different_orders_and_neither_waits(due: psycopg.Connection, database: str) -> None:
    with psycopg.connect(database) as first, psycopg.connect(database) as second:
        for session in (first, second):
            session.execute("set lock_timeout = '200ms'")
        assert first.execute("select ops.make_snapshots(2)").fetchone() == (2,)
        assert second.execute("select ops.make_snapshots(100)").fetchone() == (4,)
        second.commit()
        assert snapshots(due) == [(page, 1) for page in PAGES[2:]]
        first.commit()
    assert snapshots(due) == [(page, 1) for page in PAGES]
    assert due.execute("select count(*) from core.page_snapshots_due").fetchone() == (0,)


def test_an_order_that_a_lost_worker_held_is_made_by_the_next(due: psycopg.Connection, database: str) -> None:
    with psycopg.connect(database) as lost:
        lost.execute("select ops.make_snapshots(100)")
        lost.rollback()
    assert due.execute("select ops.make_snapshots(100)").fetchone() == (6,)
    assert due.execute("select ops.make_snapshots(100)").fetchone() == (0,)
    assert len(snapshots(due)) == 6


def test_a_save_and_a_worker_do_not_wait_for_each_other(due: psycopg.Connection, database: str) -> None:
    with psycopg.connect(database) as save, psycopg.connect(database) as worker:
        for session in (save, worker):
            session.execute("set lock_timeout = '200ms'")
        save.execute("select core.lock_page(%s, %s)", [WORKSPACE, PAGES[0]])
        assert worker.execute("select ops.make_snapshots(100)").fetchone() == (6,)
        save.rollback()
        save.execute("select core.lock_page(%s, %s)", [WORKSPACE, PAGES[1]])
        save.execute("insert into core.page_snapshots_due values (%s, %s, 10)", [WORKSPACE, PAGES[1]])


def test_a_deleted_page_that_is_being_restored_is_not_purged(due: psycopg.Connection, database: str) -> None:
    due.execute("alter table core.pages disable trigger check_page_version")
    due.execute("update core.pages set deleted_at = now() - interval '31 days'")
    due.execute("alter table core.pages enable trigger check_page_version")
    with psycopg.connect(database) as restoring, psycopg.connect(database) as purging:
        purging.execute("set lock_timeout = '200ms'")
        restoring.execute("select core.lock_page(%s, %s, true)", [WORKSPACE, PAGES[0]])
        assert purging.execute("select ops.purge_deleted_pages(100)").fetchone() == (5,)
        purging.commit()
        restoring.rollback()
    assert due.execute("select id from core.pages").fetchall() == [(PAGES[0],)]

"""The old application's statements after the switch: what keeps working, what is refused, and who may."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.migrate import migrate
from db.tests.cluster import Cluster
from db.tests.migrations.old_application import OLD_SCHEMA

ROLES = ("quire_test_old_writer", "quire_test_old_reader", "quire_test_old_owner")

OLD_ROWS = """
insert into workspaces (id, name) values ('00000000-0000-0000-0000-00000000000a', 'Old');
insert into pages (id, workspace_id, title) values
('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 'One'),
('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-00000000000a', 'Two');
insert into blocks (id, page_id, position, type, data) values
('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-000000000001', 7, 'paragraph', '{"text": "first"}'),
('00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-000000000001', 9, 'paragraph', '{"text": "second"}');
grant select, insert, update, delete on workspaces, pages, blocks, indexing_queue to quire_test_old_writer;
grant usage on sequence indexing_queue_id_seq to quire_test_old_writer;
grant select (id, title) on pages to quire_test_old_reader with grant option;
grant select on workspaces to public;
alter table blocks owner to quire_test_old_owner;
"""
WORKSPACE = "00000000-0000-0000-0000-00000000000a"
ONE = "00000000-0000-0000-0000-000000000001"
TWO = "00000000-0000-0000-0000-000000000002"
FIRST = "00000000-0000-0000-0000-0000000000b1"


@dataclass
class Old:
    """A switched database, as superuser and as the old application's role."""

    conninfo: str
    admin: psycopg.Connection[Any]
    app: psycopg.Connection[Any]

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the superuser sees."""
        return self.admin.execute(statement.encode(), values).fetchall()


@pytest.fixture(scope="module")
def switched(cluster: Cluster) -> Generator[str]:
    """Name of a migrated database, to be cloned."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as server:
        for role in ROLES:
            server.execute(f"create role {role}".encode())
    with cluster.temporary(empty=True) as conninfo:
        with psycopg.connect(conninfo, autocommit=True) as admin:
            admin.execute(OLD_SCHEMA.read_bytes())
            admin.execute(OLD_ROWS.encode())
        migrate(conninfo, log=lambda _: None)
        yield str(conninfo_to_dict(conninfo)["dbname"])
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as server:
        for role in ROLES:
            server.execute(f"drop role {role}".encode())


@pytest.fixture
def old(cluster: Cluster, switched: str) -> Generator[Old]:
    name = cluster.create(switched)
    conninfo = cluster.url(name)
    with (
        psycopg.connect(conninfo, autocommit=True) as admin,
        psycopg.connect(make_conninfo(conninfo, options=f"-c role={ROLES[0]}"), autocommit=True) as app,
    ):
        yield Old(conninfo, admin, app)
    cluster.drop(name)


def waiting(old: Old, page_id: str = ONE) -> set[tuple[int, str, int]]:
    return {
        (row[0], row[1], row[2])
        for row in old.rows("select no, op, priority from core.indexing_queue where page_id = %s", page_id)
    }


def test_reads_show_pages_and_blocks_in_order(old: Old) -> None:
    assert old.app.execute("select id::text, title, properties, version from pages order by title").fetchall() == [
        (ONE, "One", {}, 1),
        (TWO, "Two", {}, 1),
    ]
    rows = old.app.execute(
        "select id::text, position, data ->> 'text' from blocks where page_id = %s order by position, id", [ONE]
    ).fetchall()
    assert rows == [(FIRST, 0, "first"), (FIRST[:-1] + "2", 1, "second")]
    assert old.app.execute("select name from workspaces").fetchall() == [("Old",)]


def test_an_update_that_raises_the_version_is_a_recorded_save(old: Old) -> None:
    old.admin.execute("delete from core.indexing_queue")
    done = old.app.execute(
        "update pages set title = 'Uno', properties = '{\"a\": 1}', version = version + 1, updated_at = '2001-01-01'"
        " where id = %s and version = 1 returning version, updated_at > now() - interval '1 minute'",
        [ONE],
    )
    assert done.fetchall() == [(2, True)]
    assert old.rows("select title, properties, version, edited_minute >= date_trunc('minute', updated_at)"
                    " from core.pages where id = %s", ONE) == [("Uno", {"a": 1}, 2, True)]  # fmt: skip
    assert old.rows(
        "select version, base_version, kind, actor, ops from core.page_changes where page_id = %s order by version", ONE
    )[1] == (
        2, 1, "direct", None,
        [
            {"op": "replace", "path": "/properties", "value": {"a": 1}},
            {"op": "replace", "path": "/title", "value": "Uno"},
        ],
    )  # fmt: skip
    assert waiting(old) == {(0, "upsert", 100)}


def test_an_update_for_a_version_that_is_gone_changes_no_row(old: Old) -> None:
    stale = "update pages set title = %s, version = version + 1 where id = %s and version = 1"
    assert old.app.execute(stale, ["Uno", ONE]).rowcount == 1
    assert old.app.execute(stale, ["Une", ONE]).rowcount == 0
    assert old.rows("select title, version from core.pages where id = %s", ONE) == [("Uno", 2)]


def test_of_two_updates_for_the_same_version_one_wins(old: Old) -> None:
    statement = "update pages set title = %s, version = version + 1 where id = %s and version = 1"
    counts: list[int] = []

    def second() -> None:
        with psycopg.connect(make_conninfo(old.conninfo, options=f"-c role={ROLES[0]}"), autocommit=True) as connection:
            counts.append(connection.execute(statement.encode(), ["later", ONE]).rowcount)

    thread = threading.Thread(target=second)
    with old.app.transaction():
        assert old.app.execute(statement, ["sooner", ONE]).rowcount == 1
        thread.start()
        deadline = time.monotonic() + 20
        while not old.rows(
            "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        ):
            assert time.monotonic() < deadline, "the second update never waited for the first"
            time.sleep(0.01)
    thread.join(20)
    assert counts == [0]
    assert old.rows("select title, version from core.pages where id = %s", ONE) == [("sooner", 2)]


@pytest.mark.parametrize(
    ("statement", "slug"),
    [
        ("update pages set title = 'Uno', updated_at = now() where id = %s", "version_fence"),
        ("update pages set title = 'Uno', version = 7 where id = %s", "version_fence"),
        ("update pages set version = version + 1, id = gen_random_uuid() where id = %s", "old_table_read_only"),
        ("update blocks set data = '{}' where page_id = %s", "old_table_read_only"),
        ("delete from blocks where page_id = %s", "old_table_read_only"),
        ("insert into blocks (page_id, position, type) values (%s, 1, 'paragraph')", "old_table_read_only"),
        ("update indexing_queue set status = 'processing' where page_id = %s", "old_table_read_only"),
        ("delete from indexing_queue where page_id = %s", "old_table_read_only"),
    ],
)
def test_other_writes_are_refused_and_change_nothing(old: Old, statement: str, slug: str) -> None:
    everything = (
        "select jsonb_agg(to_jsonb(p)) from core.pages as p"
        " union all select jsonb_agg(to_jsonb(b)) from core.blocks as b"
        " union all select jsonb_agg(to_jsonb(q)) from core.indexing_queue as q"
    )
    before = old.rows(everything)
    with pytest.raises(psycopg.Error) as refused:
        old.app.execute(statement.encode(), [ONE])
    assert (refused.value.sqlstate, refused.value.diag.constraint_name) == ("PT409", slug)
    assert old.rows(everything) == before


def test_touching_a_page_without_changing_it_is_let_through(old: Old) -> None:
    assert old.app.execute("update pages set updated_at = now() where id = %s", [ONE]).rowcount == 1
    assert old.rows("select version from core.pages where id = %s", ONE) == [(1,)]


def test_a_page_can_be_made_with_its_defaults(old: Old) -> None:
    row = old.app.execute(
        "insert into pages (workspace_id, title) values (%s, 'New') returning id::text, properties, version",
        [WORKSPACE],
    ).fetchone()
    assert row is not None
    assert row[1:] == ({}, 1)
    assert old.rows("select version, kind, ops from core.page_changes where page_id = %s", row[0]) == [
        (1, "direct", [{"op": "add", "path": "", "value": {"title": "New", "properties": {}, "blocks": []}}])
    ]
    assert waiting(old, row[0]) == {(0, "upsert", 100)}
    with pytest.raises(psycopg.errors.UniqueViolation):
        old.app.execute("insert into pages (id, workspace_id) values (%s, %s)", [ONE, WORKSPACE])
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        old.app.execute("insert into pages (workspace_id) values (%s)", [ONE])


def test_a_deleted_page_can_be_restored(old: Old) -> None:
    assert old.app.execute("delete from pages where id = %s", [ONE]).rowcount == 1
    assert old.app.execute("select id from pages where id = %s", [ONE]).fetchall() == []
    assert old.app.execute("select id from blocks where page_id = %s", [ONE]).fetchall() == []
    assert old.rows("select version, deleted_at is not null from core.pages where id = %s", ONE) == [(2, True)]
    assert old.rows("select kind from core.page_changes where page_id = %s and version = 2", ONE) == [("delete",)]
    assert old.rows("select count(*) from core.blocks where page_id = %s", ONE) == [(2,)]
    assert {(0, "delete"), (1, "delete"), (2, "delete")} == {(no, op) for no, op, _ in waiting(old)}


def test_transactions_that_also_enqueue_keep_working(old: Old) -> None:
    old.admin.execute("delete from core.indexing_queue")
    with old.app.transaction():
        old.app.execute("update pages set title = 'Uno', version = version + 1 where id = %s and version = 1", [ONE])
        row = old.app.execute(
            "insert into indexing_queue (page_id, block_ids) values (%s, %s::uuid[]) returning id, status",
            [ONE, [FIRST]],
        ).fetchone()
    assert waiting(old) == {(0, "upsert", 100), (1, "upsert", 100)}
    assert row is not None
    shown = old.app.execute(
        "select status, action, block_ids from indexing_queue where id = %s", [row[0]]
    ).fetchall()  # fmt: skip
    assert [(status, action, list(map(str, ids))) for status, action, ids in shown] == [("pending", "upsert", [FIRST])]
    # What is gone needs nothing, and is no error: the old table had no foreign key.
    for page_id, block_id in ((ONE, TWO), (TWO[:-1] + "f", FIRST)):
        old.app.execute(
            "insert into indexing_queue (page_id, block_ids) values (%s, %s::uuid[])", [page_id, [block_id]]
        )
    assert old.rows("select count(*) from core.indexing_queue") == [(2,)]


def test_blocks_whose_id_is_no_uuid_have_a_lasting_one(old: Old) -> None:
    old.admin.execute("update core.blocks set id = 'intro' where id = %s", [FIRST])
    old.admin.execute("delete from core.indexing_queue")
    seen = [
        row[0] for row in old.app.execute("select id from blocks where page_id = %s and position = 0", [ONE]).fetchall()
    ]
    assert len(seen) == 1
    old.app.execute("insert into indexing_queue (page_id, block_ids) values (%s, %s)", [ONE, seen])
    assert waiting(old) == {(1, "upsert", 100)}
    assert old.app.execute("select block_ids from indexing_queue where page_id = %s", [ONE]).fetchall() == [(seen,)]


def test_privileges_come_along(old: Old) -> None:
    def may(role: str, table: str, privilege: str) -> bool:
        return bool(old.rows("select has_table_privilege(%s, %s, %s)", role, f"public.{table}", privilege)[0][0])

    assert all(may(ROLES[0], "pages", privilege) for privilege in ("select", "insert", "update", "delete"))
    assert not may(ROLES[1], "pages", "select")
    assert old.rows(
        "select has_column_privilege(%s, 'public.pages', 'title', 'select with grant option'),"
        " has_column_privilege(%s, 'public.pages', 'properties', 'select')", ROLES[1], ROLES[1],
    ) == [(True, False)]  # fmt: skip
    assert may(ROLES[1], "workspaces", "select")
    assert not may(ROLES[1], "workspaces", "insert")
    assert may(ROLES[2], "blocks", "delete")
    for role in ROLES:
        assert old.rows("select has_schema_privilege(%s, 'core', 'usage')", role) == [(False,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        old.app.execute("select 1 from core.pages")


def test_what_it_writes_proves_itself_like_any_version(old: Old) -> None:
    row = old.app.execute(
        "insert into pages (workspace_id, title) values (%s, 'New') returning id", [WORKSPACE]
    ).fetchone()
    assert row is not None
    old.app.execute("update pages set title = 'Newer', version = version + 1 where id = %s and version = 1", [row[0]])
    old.app.execute("delete from pages where id = %s", [row[0]])
    assert old.rows(
        "select version, touched from core.page_changes"
        " where page_id = %s and content_hash is not null order by version",
        row[0],
    ) == [(1, []), (2, [["set", "", "/title"]]), (3, [])]
    assert old.rows("select version from core.page_snapshots_due where page_id = %s", row[0]) == [(1,)]
    assert old.rows("select * from ops.verify_page(%s, %s) where not ok", WORKSPACE, row[0]) == []

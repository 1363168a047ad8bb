"""The migration runner on small chains of its own: what it refuses, what it leaves behind, whom it waits for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from db import migration_phase
from db.ledger import LOCK_KEY
from db.migrate import Layout, MigrationError, MigrationResult, check, migrate, status
from db.tests.cluster import Cluster

SCHEMA = "create schema core authorization quire_owner;"
TABLE = "set local role quire_owner;\ncreate table core.things (id int primary key, name text);"


class Chain:
    """A folder of migrations and functions for one database."""

    def __init__(self, folder: Path, conninfo: str) -> None:
        self.layout = Layout(folder / "migrations", folder / "functions")
        self.conninfo = conninfo
        self.log: list[str] = []
        self.layout.migrations.mkdir()
        self.layout.functions.mkdir()
        self.migration("0001_create_schema.sql", SCHEMA)
        self.migration("0002_create_things.sql", TABLE)

    def migration(self, name: str, text: str) -> Path:
        path = self.layout.migrations / name
        path.write_text(text)
        return path

    def function(self, name: str, text: str) -> Path:
        path = self.layout.functions / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def sql_function(self, name: str, body: str, returns: str = "int", parameters: str = "") -> Path:
        return self.function(
            f"core/{name}.sql",
            f"create or replace function core.{name}({parameters}) returns {returns} language sql\n"
            f"set search_path = pg_catalog, pg_temp\nas $$ {body} $$;\n"
            f"revoke all on function core.{name}({parameters}) from public;\n",
        )

    def run(self, to: int | None = None, wait: float = 5, lock_tries: int = 5) -> MigrationResult:
        return migrate(self.conninfo, log=self.log.append, to=to, layout=self.layout, wait=wait, lock_tries=lock_tries)

    def check(self) -> list[str]:
        return check(self.conninfo, layout=self.layout)

    def one(self, query: bytes) -> object:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            cursor = connection.execute(query)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None


@pytest.fixture
def chain(tmp_path: Path, empty_database: str) -> Chain:
    return Chain(tmp_path, empty_database)


def test_applies_in_order_and_a_second_run_does_nothing(chain: Chain) -> None:
    chain.sql_function("one", "select 1")
    first = chain.run()
    assert first.migrations == ("0001_create_schema.sql", "0002_create_things.sql")
    assert first.functions == ("core/one.sql",)
    second = chain.run()
    assert (second.migrations, second.functions) == ((), ())
    assert chain.check() == []
    assert all("pending" not in line for line in status(chain.conninfo, layout=chain.layout))


def test_a_failing_migration_leaves_nothing_and_is_named_with_its_line(chain: Chain) -> None:
    chain.migration("0003_fail.sql", "create table core.half (id int);\n\nselect * from core.nowhere;")
    with pytest.raises(MigrationError, match=r"0003_fail\.sql, line 3: .*core\.nowhere.*42P01"):
        chain.run()
    assert chain.one(b"select to_regclass('core.half')") is None
    assert chain.one(b"select max(number) from ops.migrations") == 2


def test_a_migration_whose_ledger_row_cannot_be_written_leaves_nothing(chain: Chain) -> None:
    chain.migration(
        "0003_fail.sql",
        "create table core.half (id int);\n"
        "insert into ops.migrations (number, name, sha256, duration_ms) values (3, 'x', 'x', 0);",
    )
    with pytest.raises(MigrationError, match=r"0003_fail\.sql: duplicate key"):
        chain.run()
    assert chain.one(b"select to_regclass('core.half')") is None


def edit(chain: Chain) -> None:
    chain.migration("0002_create_things.sql", TABLE + "\n-- touched")


def remove(chain: Chain) -> None:
    (chain.layout.migrations / "0002_create_things.sql").unlink()


def rename(chain: Chain) -> None:
    (chain.layout.migrations / "0002_create_things.sql").rename(chain.layout.migrations / "0002_make_things.sql")


def squeeze_in(chain: Chain) -> None:
    remove(chain)
    chain.one(b"delete from ops.migrations where number = 2")
    chain.migration("0003_more.sql", "select 1;")
    chain.run()
    chain.migration("0002_create_things.sql", TABLE)


def double(chain: Chain) -> None:
    chain.migration("0002_other.sql", "select 1;")


def misname(chain: Chain) -> None:
    chain.migration("3_x.sql", "select 1;")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit, r"0002_create_things\.sql was edited"),
        (remove, r"0002_create_things\.sql .* is missing"),
        (rename, r"0002_make_things\.sql was applied as 0002_create_things\.sql"),
        (squeeze_in, r"0002_create_things\.sql is out of order"),
        (double, r"0002_create_things\.sql and 0002_other\.sql have the same number"),
        (misname, r"3_x\.sql in .* is not named"),
    ],
)
def test_refuses_files_that_do_not_fit_the_ledger(chain: Chain, change: Callable[[Chain], None], message: str) -> None:
    chain.run()
    change(chain)
    with pytest.raises(MigrationError, match=message):
        chain.run()


def test_line_ends_of_a_checkout_are_no_edit(chain: Chain) -> None:
    chain.run()
    (chain.layout.migrations / "0002_create_things.sql").write_bytes(TABLE.replace("\n", "\r\n").encode())
    chain.run()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("0003_x.sql", "select 1; commit; select 2;", "the runner owns the transaction"),
        ("0003_x.nontx.sql", "vacuum core.things; vacuum core.things;", "holds 2 statements"),
        ("0003_x.nontx.sql", "create index concurrently x on core.things (id);", "if not exists"),
    ],
)
def test_refuses_files_that_could_not_be_repeated(chain: Chain, name: str, text: str, message: str) -> None:
    chain.migration(name, text)
    with pytest.raises(MigrationError, match=message):
        chain.run()


def test_words_in_bodies_and_comments_are_no_transaction_control(chain: Chain) -> None:
    chain.migration(
        "0003_x.sql",
        "-- commit;\n/* ; commit; */ do $$ begin perform 'a;commit;'; end; $$;\nselect ';commit;';",
    )
    assert chain.run().migrations[-1] == "0003_x.sql"


def test_an_invalid_index_is_dropped_and_built_again(chain: Chain) -> None:
    chain.run()
    chain.one(b"insert into core.things values (1, 'same'), (2, 'same')")
    name = "0003_index_names.nontx.sql"
    chain.migration(name, "create unique index concurrently if not exists things_name_uq on core.things (name);")
    with pytest.raises(MigrationError, match=name):
        chain.run()
    assert any("things_name_uq is INVALID" in problem for problem in chain.check())
    chain.one(b"update core.things set name = 'other' where id = 2")
    chain.run()
    assert chain.one(b"select indisvalid from pg_index where indexrelid = 'core.things_name_uq'::regclass") is True
    assert chain.check() == []


def test_waits_for_a_locked_table_in_short_tries(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration_phase, "LOCK_TIMEOUT", "50ms")
    chain.run()
    chain.migration("0003_widen.sql", "alter table core.things add column more text;")
    with psycopg.connect(chain.conninfo) as holder:
        holder.execute("lock table core.things in access share mode")

        def release_at_the_first_try(line: str) -> None:
            chain.log.append(line)
            if "try 1 of" in line:
                holder.rollback()

        migrate(chain.conninfo, log=release_at_the_first_try, layout=chain.layout)
    assert sum("0003_widen.sql: canceling statement due to lock timeout, try" in line for line in chain.log) == 1
    assert chain.one(b"select count(*) from pg_attribute where attrelid = 'core.things'::regclass and attname = 'more'")


def test_gives_up_on_a_table_that_stays_locked(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration_phase, "LOCK_TIMEOUT", "50ms")
    chain.run()
    chain.migration("0003_widen.sql", "alter table core.things add column more text;")
    with psycopg.connect(chain.conninfo) as holder:
        holder.execute("lock table core.things in access share mode")
        with pytest.raises(MigrationError, match=r"0003_widen\.sql: a table stayed locked through 2 tries"):
            chain.run(lock_tries=2)


def test_a_second_run_waits_for_the_first_and_says_for_whom(chain: Chain) -> None:
    with psycopg.connect(chain.conninfo, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", (LOCK_KEY,))
        with pytest.raises(MigrationError, match=f"another migration .*pid {other.info.backend_pid}"):
            chain.run(wait=0)

        def release(line: str) -> None:
            if "waiting for another migration" in line:
                other.execute("select pg_advisory_unlock(%s)", (LOCK_KEY,))

        assert migrate(chain.conninfo, log=release, layout=chain.layout).migrations


def test_to_stops_before_the_functions(chain: Chain) -> None:
    chain.sql_function("one", "select 1")
    assert chain.run(to=1).migrations == ("0001_create_schema.sql",)
    assert chain.one(b"select to_regproc('core.one')") is None
    assert chain.run().functions == ("core/one.sql",)


def test_functions_come_before_post_migrations_and_wait_for_later_tables(chain: Chain) -> None:
    chain.sql_function("early", "select 1")
    chain.sql_function("late", "select 1", returns="setof core.later")
    chain.migration("0003_use_post.sql", "create table core.later as select core.early() as n;")
    chain.migration("0004_own.sql", "alter table core.later owner to quire_owner;")
    result = chain.run()
    assert result.functions == ("core/early.sql", "core/late.sql")
    assert any("not yet: core/late.sql" in line for line in chain.log)
    assert chain.one(b"select core.late() is not null")


def test_function_files_find_each_other_in_any_order(chain: Chain) -> None:
    chain.function("core/a.sql", "create or replace view core.a as select core.b() as n;")
    chain.sql_function("b", "select core.z()")
    chain.sql_function("z", "select 7")
    chain.run()
    assert chain.one(b"select n from core.a") == 7


def test_only_changed_function_files_are_applied(chain: Chain) -> None:
    chain.sql_function("one", "select 1")
    chain.sql_function("two", "select 2")
    chain.run()
    chain.sql_function("two", "select 22")
    assert chain.check() == ["core/two.sql changed or is not applied: run quire migrate"]
    assert chain.run().functions == ("core/two.sql",)
    assert chain.one(b"select core.two()") == 22


def test_a_broken_body_takes_the_whole_phase_back(chain: Chain) -> None:
    chain.sql_function("one", "select 1")
    chain.sql_function("two", "select n from core.nowhere")
    with pytest.raises(MigrationError, match=r"core/two\.sql, line 3: .*core\.nowhere"):
        chain.run()
    assert chain.one(b"select to_regproc('core.one')") is None


def test_another_result_type_is_dropped_and_created(chain: Chain) -> None:
    chain.sql_function("one", "select 1")
    chain.run()
    chain.sql_function("one", "select 'one'", returns="text")
    chain.run()
    assert chain.one(b"select core.one()") == "one"
    assert chain.one(b"select pg_get_userbyid(proowner)::text from pg_proc where proname = 'one'") == "quire_owner"


def test_another_result_type_that_something_depends_on_is_refused(chain: Chain) -> None:
    chain.sql_function("one", "select 1")
    chain.run()
    chain.one(b"create view core.uses as select core.one() as n")
    chain.sql_function("one", "select 'one'", returns="text")
    with pytest.raises(MigrationError, match=r"core/one\.sql changes a signature.*view core\.uses"):
        chain.run()


def test_other_parameters_leave_no_overload(chain: Chain) -> None:
    chain.sql_function("one", "select 1")
    chain.run()
    chain.sql_function("one", "select p_n", parameters="p_n int")
    chain.run()
    assert chain.one(b"select count(*) from pg_proc where pronamespace = 'core'::regnamespace") == 1
    assert chain.check() == []


@pytest.mark.parametrize(
    ("by_hand", "problem"),
    [
        (
            b"create or replace function core.one() returns int language sql as 'select 2'",
            "core.one() differs from its file (db/functions/core/one.sql)",
        ),
        (b"grant execute on function core.one() to public", "core.one() differs from its file"),
        (b"alter function core.one() owner to current_user", "core/one.sql: must be owner of function one"),
        (b"drop trigger things_check on core.things", "core/tg_things__check.sql changed or is not applied"),
        (b"alter table core.things disable trigger things_check", "things_check on core.things differs from its file"),
        (b"drop function core.one()", "core/one.sql changed or is not applied"),
        (b"create function core.extra() returns int language sql as 'select 1'", "core.extra() has no file"),
        (b"create view core.extra as select 1 as n", "view core.extra has no file"),
        (b"create function core.one(int) returns int language sql as 'select 1'", "core.one(integer) is an overload"),
        (
            b"drop function core.one(); create function core.one() returns text language sql as 'select null::text';"
            b"alter function core.one() owner to quire_owner",
            "core/one.sql has another signature",
        ),
    ],
)
def test_check_sees_what_was_done_by_hand(chain: Chain, by_hand: bytes, problem: str) -> None:
    chain.sql_function("one", "select 1")
    chain.function(
        "core/tg_things__check.sql",
        "create or replace function core.tg_things__check() returns trigger language plpgsql\n"
        "set search_path = pg_catalog, pg_temp as $$ begin return new; end; $$;\n"
        "create or replace trigger things_check before insert on core.things\n"
        "for each row execute function core.tg_things__check();",
    )
    chain.run()
    assert chain.check() == []
    chain.one(by_hand)
    assert any(problem in line for line in chain.check()), chain.check()


def test_looking_for_drift_changes_nothing(chain: Chain) -> None:
    chain.sql_function("one", "select 1")
    chain.run()
    chain.one(b"create or replace function core.one() returns int language sql as 'select 2'")
    assert chain.check()
    assert chain.one(b"select core.one()") == 2


def test_helpers_of_data_migrations_are_no_orphans(chain: Chain) -> None:
    chain.migration("0003_fill.sql", "create function core.mig_0003_fill() returns int language sql as 'select 1';")
    chain.run()
    assert chain.check() == []


def test_a_login_that_cannot_be_the_owner_is_told_what_a_dba_does(chain: Chain, cluster: Cluster) -> None:
    chain.run()  # makes the roles
    chain.one(
        b"do $$ begin if to_regrole('quire_test_nobody') is null then"
        b" create role quire_test_nobody login; end if; end $$"
    )
    conninfo = make_conninfo(chain.conninfo, user="quire_test_nobody")
    with pytest.raises(MigrationError, match="grant quire_owner to quire_test_nobody"):
        migrate(conninfo, log=chain.log.append, layout=chain.layout)

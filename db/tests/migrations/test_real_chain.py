"""The migrations and functions of this repository: as a DBA's script, as a plain login, and as db/schema.sql."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.embedded import SUPERUSER
from db.migrate import MigrationError, check, migrate, plan
from db.schema_dump import dump_database, dump_schema
from db.tests.cluster import Cluster

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "schema.sql"


def name_of(conninfo: str) -> str:
    return str(conninfo_to_dict(conninfo)["dbname"])


def test_applying_twice_changes_nothing(empty_database: str) -> None:
    assert migrate(empty_database, log=lambda _: None).migrations
    second = migrate(empty_database, log=lambda _: None)
    assert (second.migrations, second.functions) == ((), ())
    assert check(empty_database) == []


def test_the_plan_run_by_psql_makes_the_same_schema(cluster: Cluster, empty_database: str, tmp_path: Path) -> None:
    script = tmp_path / "plan.sql"
    script.write_text(plan(empty_database))
    done = subprocess.run(
        [cluster.embedded.bin / "psql", "-X", "-q", "-o", "/dev/null", "-d", empty_database, "-f", script],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert check(empty_database) == []
    assert "Nothing to do" in plan(empty_database)
    with cluster.temporary(empty=True) as other:
        migrate(other, log=lambda _: None)
        by_runner = dump_database(cluster.embedded, name_of(other))
    assert dump_database(cluster.embedded, name_of(empty_database)) == by_runner


def test_a_migrator_that_is_no_superuser_can_do_it(cluster: Cluster, empty_database: str) -> None:
    with cluster.temporary(empty=True) as other:
        migrate(other, log=lambda _: None)  # makes the roles
        expected = dump_database(cluster.embedded, name_of(other))
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("create extension vector with schema public")
        connection.execute(
            sql.SQL("alter database {} owner to quire_migrator").format(sql.Identifier(name_of(empty_database)))
        )
    as_migrator = make_conninfo(empty_database, user="quire_migrator")
    migrate(as_migrator, log=lambda _: None)
    assert check(as_migrator) == []
    dumped = dump_database(cluster.embedded, name_of(empty_database))
    assert dumped == expected.replace(f"Owner: {SUPERUSER}", "Owner: quire_migrator").replace(
        f"OWNER TO {SUPERUSER}", "OWNER TO quire_migrator"
    )


@pytest.mark.parametrize(("others", "may"), [(False, False), (True, True)])
def test_public_loses_temporary_tables_unless_others_work_here(
    cluster: Cluster, empty_database: str, others: bool, may: bool
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        if others:
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                connection.execute("create role quiretest_other login")
            connection.execute("create table public.theirs (a int)")
            connection.execute("grant select on public.theirs to quiretest_other")
        migrate(empty_database, log=lambda _: None)
        row = connection.execute(
            "select has_database_privilege('quire_api', current_database(), 'temporary'),"
            " has_database_privilege('quire_owner', current_database(), 'temporary')"
        ).fetchone()
        assert row == (may, True)
        if others:
            connection.execute("drop owned by quiretest_other")
            connection.execute("drop role quiretest_other")


@pytest.mark.once
def test_schema_sql_is_fresh() -> None:
    assert SCHEMA_FILE.read_text() == dump_schema(), "run: quire migrate --dump-schema db/schema.sql"


def test_a_login_without_the_right_to_pgvector_is_told_what_a_dba_does(cluster: Cluster, empty_database: str) -> None:
    with cluster.temporary(empty=True) as other:
        migrate(other, log=lambda _: None, to=1)  # makes the roles
    as_migrator = make_conninfo(empty_database, user="quire_migrator")
    with pytest.raises(MigrationError, match="a DBA runs `create extension vector"):
        migrate(as_migrator, log=lambda _: None)

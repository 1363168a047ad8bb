"""The jsonpatch schema needs nothing else of Quire and no privilege: its files alone, in an empty database.

What README.md promises to people who want these functions without the rest: its files and two statements.
"""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from db.migration_files import HERE
from db.tests import pgtap
from db.tests.cluster import Cluster
from db.tests.collector import run_file
from db.tests.jsonpatch.test_conformance import cases

TESTS = sorted(Path(__file__).parent.glob("test_*.sql"))
FILES = sorted((HERE / "functions" / "jsonpatch").glob("*.sql"))


@pytest.fixture(scope="module")
def anybody(cluster: Cluster) -> Generator[psycopg.Connection[Any]]:
    """A session of a role to which nothing was granted, in a database with the schema and pgTAP."""
    role = sql.Identifier("quire_test_anybody")
    with (
        cluster.temporary(empty=True) as conninfo,
        psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection,
    ):
        pgtap.load(connection)
        connection.execute("create schema jsonpatch")
        connection.execute("grant usage on schema jsonpatch to public")
        for file in FILES:
            connection.execute(file.read_bytes())
        connection.execute(sql.SQL("create role {}").format(role))
        try:
            connection.execute(sql.SQL("set session authorization {}").format(role))
            yield connection
        finally:
            connection.execute("reset session authorization")
            connection.execute(sql.SQL("drop role {}").format(role))


def test_nothing_is_missing() -> None:
    assert {f"test_{file.stem}.sql" for file in FILES} == {path.name for path in TESTS}


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_pgtap_as_anybody(anybody: psycopg.Connection[Any], path: Path) -> None:
    anybody.execute("select set_config('search_path', 'public, pgtap', false)")
    run_file(anybody, path)


def test_conformance_as_anybody(anybody: psycopg.Connection[Any]) -> None:
    for parameter in cases():
        case = parameter.values[0]
        arguments = [json.dumps(case["doc"]), json.dumps(case["patch"])]
        if "error" in case:
            with pytest.raises(psycopg.Error) as caught:
                anybody.execute("select jsonpatch.apply(%s, %s)", arguments)
            assert caught.value.sqlstate in ("PT400", "PT422"), case
        else:
            expected = json.dumps(case.get("expected", case["doc"]))
            row = anybody.execute("select %s = jsonpatch.apply(%s, %s)", [expected, *arguments]).fetchone()
            assert row == (True,), case


def test_is_really_anybody_and_alone(anybody: psycopg.Connection[Any]) -> None:
    row = anybody.execute(
        "select current_user = session_user, rolsuper, pg_has_role(oid, 'pg_read_all_data', 'usage'),"
        " (select count(*) from pg_namespace where nspname in ('core', 'api', 'indexing', 'ops'))"
        " from pg_roles where rolname = current_user"
    ).fetchone()
    assert row == (True, False, False, 0)


def test_can_be_indexed(anybody: psycopg.Connection[Any]) -> None:
    with anybody.transaction(force_rollback=True):
        anybody.execute("create temporary table documents (body jsonb)")
        anybody.execute("create index on documents (jsonpatch.evaluate_pointer(body, '/a~1b'))")

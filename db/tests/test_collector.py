"""The pgTAP collector: everything that must fail a file does, and says why."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from db.tests.collector import SqlTestFailure, run_file


def run(conn: psycopg.Connection, folder: Path, text: str) -> None:
    path = folder / "test_x.sql"
    path.write_text(text)
    conn.execute("set search_path = public, pgtap")
    run_file(conn, path)


def test_a_good_file_passes_and_leaves_nothing(conn: psycopg.Connection, tmp_path: Path) -> None:
    run(
        conn,
        tmp_path,
        "begin;\nselect plan(2);\ncreate table public.left_behind ();\nselect ok(true, 'a; b');\n"
        "do $$ begin perform 1; end; $$;\nselect is(1, 1, 'one');\nselect * from finish();\nrollback;\n",
    )
    assert conn.execute("select to_regclass('public.left_behind')").fetchone() == (None,)


def test_assertions_work_under_another_role(conn: psycopg.Connection, tmp_path: Path) -> None:
    text = "begin; select plan(2); select ok(true); set local role quire_api; select ok(true); select * from finish();"
    run(conn, tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("begin; select plan(1); select is(1, 2, 'same'); select * from finish(); rollback;", "not ok 1 - same"),
        ("begin; select plan(2); select ok(true); select * from finish(); rollback;", "planned 2 assertions, ran 1"),
        ("begin; select plan(1); select ok(true); select ok(true); rollback;", "planned 1 assertions, ran 2"),
        ("begin; select 1; rollback;", "no plan"),
        (
            "begin; select plan(1); select ok(true);\n\n-- why\nselect nothing_here(); rollback;",
            r"line 4: (?s:.*)42883",
        ),
        ("begin; select plan(1); select ok(true, 'before'); select 1/0;", r"(?s)line 1: .*ok 1 - before"),
        ("begin; select plan(1); select skip('not today', 1); rollback;", "a skip would pass unseen"),
    ],
)
def test_a_bad_file_fails_and_says_why(conn: psycopg.Connection, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SqlTestFailure, match=message):
        run(conn, tmp_path, text)

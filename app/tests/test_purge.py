"""`quire purge`, `quire schedule`, and what `quire doctor` says of both."""

from __future__ import annotations

from collections.abc import Generator

import psycopg
import pytest
from psycopg import sql

from app.cli import main
from app.doctor import examine
from db.settings import Settings


def everything(conn: psycopg.Connection) -> dict[str, tuple[object, ...] | None]:
    """Every row of every table with the transaction that wrote it, as a hash a table."""
    tables = conn.execute(
        "select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where n.nspname in ('core', 'ops', 'procrastinate') and c.relkind = 'r'"
    ).fetchall()
    query = "select md5(string_agg(t::text || t.xmin::text, '|' order by t::text)) from {} as t"
    return {
        f"{schema}.{table}": conn.execute(sql.SQL(query).format(sql.Identifier(schema, table))).fetchone()
        for schema, table in tables
    }


@pytest.fixture(autouse=True)
def old_things(conn: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Something to take for several tasks of retention."""
    monkeypatch.setenv("DATABASE_URL", database)
    conn.execute("truncate ops.periodic_progress, ops.purge_runs, core.idempotency_keys, core.rate_buckets")
    conn.execute("select ops.ensure_partitions()")
    conn.execute(
        "insert into core.idempotency_keys (workspace_id, user_id, key, request_hash, created_at)"
        " select core.new_id(), core.new_id(), 'k', '', now() - interval '25 hours' from generate_series(1, 7000)"
    )
    conn.execute(
        "insert into core.rate_buckets (policy, key, hits, ok, hit_at)"
        " values ('page-save', 'old', '{}', true, now() - interval '2 hours'), ('page-save', 'new', '{}', true, now())"
    )
    conn.execute("create table core.indexing_done_p20200101 (like core.indexing_done including all)")
    conn.execute(
        "insert into core.indexing_done_p20200101"
        " select core.new_id(), core.new_id(), n, 'upsert', 1, '2020-01-01 12:00+00', '2020-01-01 12:00+00'"
        " from generate_series(1, 1500) as n"
    )
    conn.execute("analyze core.indexing_done_p20200101")
    conn.execute(
        "alter table core.indexing_done attach partition core.indexing_done_p20200101"
        " for values from ('2020-01-01 00:00+00') to ('2020-01-02 00:00+00')"
    )
    yield
    conn.execute("drop table if exists core.indexing_done_p20200101")


def test_a_dry_run_says_what_would_go_and_why_and_changes_nothing(
    conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(conn)
    assert main(["purge", "--dry-run"]) == 0
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in capsys.readouterr().out.splitlines()}
    assert lines["core.indexing_done"] == (
        "1 partition, about 1,500 rows finished queue entries: whole days of them, older than 7 days"
    )
    assert lines["core.idempotency_keys"] == "7,000 rows answers kept for repeated requests, older than 24 hours"
    assert lines["core.rate_buckets"].startswith("1 rows ") and lines["core.rate_buckets"].endswith("older than 1 hour")
    assert lines["core.pages"].startswith("nothing ")
    assert "nothing was changed" in lines["Dry"]
    assert everything(conn) == before, "no row of any table has changed, not even rewritten"


def test_a_dry_run_cannot_change_anything(conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    """A preview that took something away would be refused: the transaction is read only."""
    conn.execute(
        "update ops.periodic_tasks set preview = 'select 0 as partitions, ops.purge_idempotency_keys(1) as rows'"
        " where task = 'purge_idempotency_keys' returning preview"
    )
    try:
        with pytest.raises(psycopg.errors.DatabaseError, match=r"read-only transaction|non-volatile"):
            main(["purge", "--dry-run", "idempotency_keys"])
    finally:
        conn.execute(
            "update ops.periodic_tasks set preview = 'select 0 as partitions, count(*) as rows"
            " from core.idempotency_keys as k where k.created_at"
            " < core.retention_floor(''purge_idempotency_keys'')' where task = 'purge_idempotency_keys'"
        )
    row = conn.execute("select count(*) from core.idempotency_keys").fetchone()
    assert row == (7000,)


def test_purge_takes_what_the_dry_run_said_in_small_transactions_and_is_recorded(
    conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["purge"]) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in shown.splitlines()}
    assert lines["core.idempotency_keys"].startswith("7,000 rows gone in ")
    assert lines["core.idempotency_keys"].endswith(", 2 transactions")
    assert lines["core.indexing_done"].startswith("1,500 rows gone in ")
    assert lines["core.pages"].startswith("nothing to take in ")
    assert conn.execute("select count(*) from core.idempotency_keys").fetchone() == (0,)
    assert conn.execute("select array_agg(key) from core.rate_buckets").fetchone() == (["new"],)
    assert conn.execute("select to_regclass('core.indexing_done_p20200101')").fetchone() == (None,)
    runs = conn.execute(
        "select scheduler, runs, rows from ops.purge_runs where task = 'purge_idempotency_keys'"
    ).fetchall()
    assert runs == [("command", 2, 7000)]
    assert main(["purge", "--dry-run"]) == 0
    assert capsys.readouterr().out.count("nothing ") >= 8


def test_only_the_named_ones(conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["purge", "rate_buckets", "purge_jobs"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "core.rate_buckets", "procrastinate.procrastinate_jobs",
    ]  # fmt: skip
    assert conn.execute("select count(*) from core.idempotency_keys").fetchone() == (7000,)


def test_a_name_that_is_none_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["purge", "jobs", "pages"]) == 2
    shown = capsys.readouterr()
    assert "no retention 'pages'" in shown.err and "purge_deleted_pages" in shown.err
    assert shown.out == "", "and nothing is done"


def test_what_runs_already_is_left_alone(
    conn: psycopg.Connection, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database) as worker:
        worker.execute("select ops.run_periodic('purge_idempotency_keys', 'procrastinate')")
        assert main(["purge", "idempotency_keys"]) == 0
        assert "skipped, a worker is at it" in capsys.readouterr().out
        outcome = conn.execute("select outcome from ops.run_periodic('purge_idempotency_keys', 'procrastinate')")
        assert outcome.fetchone() == ("busy",), "never two at once"
        other = conn.execute("select outcome from ops.run_periodic('purge_jobs', 'procrastinate')")
        assert other.fetchone() == ("done",), "of a task; another one may"
    assert conn.execute(
        "select runs_total from ops.periodic_progress where task = 'purge_idempotency_keys'"
    ).fetchone() == (1,)


def test_a_failure_is_told_and_is_1(conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    statement = conn.execute("select statement from ops.periodic_tasks where task = 'purge_jobs'").fetchone()
    conn.execute("update ops.periodic_tasks set statement = 'select 1 / 0 as rows' where task = 'purge_jobs'")
    try:
        assert main(["purge", "jobs"]) == 1
        assert "FAILED: division by zero" in capsys.readouterr().out
        assert main(["doctor"]) in (0, 1)
        assert "periodic purge_jobs: its last run failed: 22012: division by zero" in capsys.readouterr().out
    finally:
        assert statement is not None
        conn.execute("update ops.periodic_tasks set statement = %s where task = 'purge_jobs'", statement)


def test_a_partition_in_use_is_left_and_saves_wait_no_longer_than_a_moment(
    conn: psycopg.Connection, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database) as reader:
        reader.execute("select count(*) from core.indexing_done")
        assert main(["purge", "indexing_done"]) == 0
    assert "nothing to take" in capsys.readouterr().out
    assert conn.execute("select to_regclass('core.indexing_done_p20200101') is not null").fetchone() == (True,)
    assert main(["purge", "indexing_done"]) == 0
    assert "1,500 rows gone" in capsys.readouterr().out


def test_a_bucket_that_a_request_holds_stays(conn: psycopg.Connection, database: str) -> None:
    with psycopg.connect(database) as request:
        request.execute("update core.rate_buckets set hit_at = now() where key = 'old'")
        assert main(["purge", "rate_buckets"]) == 0
    row = conn.execute("select array_agg(key order by key) from core.rate_buckets").fetchone()
    assert row == (["new", "old"],)


def test_the_schedule_is_shown_with_what_is_late(conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    conn.execute("update ops.periodic_tasks set added_at = now() - interval '1 day' where task = 'sweep_leases'")
    try:
        assert main(["schedule"]) == 0
        shown = capsys.readouterr().out.splitlines()
        assert next(line for line in shown if line.endswith("LATE")).split()[:5] == [
            "sweep_leases", "5", "seconds", "procrastinate", "never",
        ]  # fmt: skip
        assert any(line.endswith("switched off") for line in shown)
        findings = list(examine(Settings.from_env().database_url or "", Settings.from_env()))
        late = [finding for finding in findings if finding.check == "periodic sweep_leases"]
        assert late[0].verdict == "warn" and "is a worker running" in late[0].message
    finally:
        conn.execute("update ops.periodic_tasks set added_at = now() where task = 'sweep_leases'")


def test_pg_cron_cannot_be_put_in_charge_where_there_is_none(
    conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schedule", "pg_cron"]) == 1
    assert "pg_cron is not in this database" in capsys.readouterr().err
    assert conn.execute("select ops.scheduler()").fetchone() == ("procrastinate",)
    assert main(["schedule", "procrastinate"]) == 0
    assert "the workers run periodic work: 0 jobs" in capsys.readouterr().out


def test_doctor_says_when_pg_cron_was_in_charge_elsewhere_and_when_partitions_are_missing(
    conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    conn.execute("update ops.periodic_control set scheduler = 'pg_cron'")
    conn.execute(
        "insert into core.indexing_done values (core.new_id(), core.new_id(), 1, 'upsert', 1, now(), '2020-02-02')"
    )
    try:
        assert main(["doctor"]) in (0, 1)
        shown = capsys.readouterr().out
        assert "scheduler: pg_cron was put in charge, but is not loaded" in shown
        assert "warn  partitions of core.indexing_done: 1 rows" in shown
    finally:
        conn.execute("update ops.periodic_control set scheduler = 'procrastinate'")
        conn.execute("truncate core.indexing_done_default")
    assert main(["doctor"]) in (0, 1)
    assert "ok    partitions: made ahead" in capsys.readouterr().out


def test_settings_without_a_database_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("DATA", str(tmp_path_factory.mktemp("data")))
    assert main(["purge"]) == 2
    assert main(["schedule"]) == 2
    assert capsys.readouterr().err.count("set DATABASE_URL") == 2

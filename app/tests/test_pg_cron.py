"""The real pg_cron runs periodic work, shows what failed, and never beside the workers: on a server of its own."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from app.cli import main
from app.doctor import examine
from db.migrate import migrate
from db.settings import Settings
from db.tests.cron_server import CronServer, cron_server, need_pg_cron

pytestmark = pytest.mark.once

VACUUMED = (
    "select last_error is null and last_success_at is not null from ops.list_periodic() where task = 'vacuum_queue'"
)
VACUUM_FAILED = "select last_error like '38000: %%' from ops.list_periodic() where task = 'vacuum_queue'"
VACUUM_FAILURES = "select failures_total from ops.list_periodic() where task = 'vacuum_queue'"
VACUUM_ERROR = "select last_error from ops.list_periodic() where task = 'vacuum_queue'"
REST = "select cron.alter_job(jobid, schedule => '3 3 3 3 3') from cron.job"
SKIPPED = "38000: VACUUM skipped the table"
STAND_IN = Path(__file__).parents[2] / "db" / "tests" / "ops" / "test_cron.sql"


@pytest.fixture(scope="module")
def running() -> Generator[CronServer]:
    """A server with pg_cron in database quire, and a second Quire, elsewhere, without it."""
    need_pg_cron()
    with cron_server() as made:
        made.server.create_database("elsewhere")
        migrate(made.server.url("elsewhere"), log=lambda _: None)
        with psycopg.connect(made.server.url(), autocommit=True) as connection:
            connection.execute("create database quire template elsewhere")
        with psycopg.connect(made.server.url("quire"), autocommit=True) as connection:
            connection.execute("create extension pg_cron")
        yield made


@pytest.fixture
def quire(running: CronServer, monkeypatch: pytest.MonkeyPatch) -> Generator[psycopg.Connection]:
    """The database with pg_cron, which DATABASE_URL names; afterwards the workers are in charge of both."""
    monkeypatch.setenv("DATABASE_URL", running.server.url("quire"))
    with psycopg.connect(running.server.url("quire"), autocommit=True) as connection:
        connection.execute("truncate ops.periodic_progress, ops.purge_runs, cron.job_run_details")
        yield connection
        for name in ("elsewhere", "quire"):
            with psycopg.connect(running.server.url(name), autocommit=True) as other:
                other.execute("select ops.set_scheduler('procrastinate')")
        connection.execute("select cron.unschedule(jobid) from cron.job")


def one(connection: psycopg.Connection, statement: str, *parameters: object) -> object:
    """The first column of its row."""
    row = connection.execute(statement.encode(), parameters).fetchone()
    return row[0] if row else None


def until(connection: psycopg.Connection, statement: str, *parameters: object) -> None:
    """Wait until a statement says true; what it says now is in the failure."""
    deadline = time.monotonic() + 20
    while not one(connection, statement, *parameters):
        if time.monotonic() > deadline:
            runs = connection.execute(
                "select command, status, return_message from cron.job_run_details order by runid desc limit 10"
            ).fetchall()
            pytest.fail(f"never true: {statement}\nlast runs: {runs}")
        time.sleep(0.05)


def hurry(connection: psycopg.Connection, job: str = "%") -> None:
    """Have pg_cron start jobs of its list every second."""
    connection.execute(
        "select cron.alter_job(jobid, schedule => '1 second') from cron.job where split_part(jobname, ':', 3) like %s",
        [job],
    )


def schedule(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What `quire schedule` prints."""
    capsys.readouterr()
    assert main(["schedule", *words]) == 0
    return capsys.readouterr().out


def findings(check: str) -> list[str]:
    """What `quire doctor` finds of a check."""
    settings = Settings.from_env()
    return [f.message for f in examine(settings.database_url or "", settings) if f.check == check]


def test_every_job_runs_as_maintenance_and_is_recorded_and_workers_are_refused(
    quire: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    said = schedule(capsys, "pg_cron")
    count = one(quire, "select count(*) from cron.job")
    assert f"pg_cron runs periodic work: {count} jobs in cron.job of database quire" in said
    assert one(quire, "select count(*) from ops.run_periodic('sweep_leases', 'procrastinate') as r"
                      " where r.outcome = 'not_in_charge'") == 1  # fmt: skip
    hurry(quire)
    until(
        quire,
        "select not exists (select from ops.list_periodic() where enabled and runs_in <> 'worker'"
        " and last_success_at is null)",
    )
    until(quire, "select count(distinct jobid) = %s from cron.job_run_details where status = 'succeeded'", count)
    assert one(quire, "select array_agg(distinct scheduler) from ops.purge_runs") == ["pg_cron"]
    assert one(quire, "select array_agg(distinct username) from cron.job_run_details") == ["quire_maintenance"]
    assert (
        quire.execute("select command, return_message from cron.job_run_details where status = 'failed'").fetchall()
        == []
    )
    assert one(quire, "select count(*) from ops.periodic_state where failures_total > 0") == 0
    assert findings("periodic work") == ["in time, by pg_cron"]
    assert "failed" not in schedule(capsys)


def test_the_workers_take_it_back(quire: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    quire.execute("select cron.schedule('somebody''s', '1 second', 'select 7')")
    schedule(capsys, "pg_cron")
    hurry(quire, "sweep_leases")
    until(quire, "select exists (select from ops.purge_runs where task = 'sweep_leases')")
    until(quire, "select exists (select from cron.job_run_details where command = 'select 7')")
    count = one(quire, "select count(*) from cron.job where jobname like 'quire:%%'")
    assert f"the workers run periodic work: {count} jobs of pg_cron removed" in schedule(capsys, "procrastinate")
    assert one(quire, "select array_agg(jobname) from cron.job") == ["somebody's"]
    assert one(quire, "select outcome from ops.run_periodic('sweep_leases', 'pg_cron')") == "not_in_charge"
    assert one(quire, "select outcome from ops.run_periodic('sweep_leases', 'procrastinate')") == "done"
    # one that had begun may write its record after that; none begins
    until(quire, "select not exists (select from pg_stat_activity where usename = 'quire_maintenance')")
    seen = one(quire, "select count(*) from cron.job_run_details where command = 'select 7'")
    runs = one(quire, "select runs_total from ops.periodic_progress where task = 'sweep_leases'")
    until(quire, "select count(*) > %s + 1 from cron.job_run_details where command = 'select 7'", seen)
    assert one(quire, "select runs_total from ops.periodic_progress where task = 'sweep_leases'") == runs
    kept = "select array_agg(distinct command) from cron.job_run_details"
    assert one(quire, kept) == ["select 7"], "records of jobs that are gone would stay for ever"


def test_a_change_of_the_list_is_taken_over(quire: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    schedule(capsys, "pg_cron")
    quire.execute("update ops.periodic_tasks set enabled = false where task = 'purge_jobs'")
    quire.execute("update ops.periodic_tasks set cron = '1 seconds' where task = 'purge_runs'")
    try:
        schedule(capsys, "pg_cron")
        assert one(quire, "select count(*) from cron.job where jobname = 'quire:quire:purge_jobs'") == 0
        until(quire, "select exists (select from ops.purge_runs where task = 'purge_runs')")
    finally:
        quire.execute("update ops.periodic_tasks set enabled = true where task = 'purge_jobs'")
        quire.execute("update ops.periodic_tasks set cron = '52 2 * * *' where task = 'purge_runs'")


def test_a_vacuum_is_recorded_and_one_that_skipped_the_table_is_a_failure(
    quire: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """To pg_cron a VACUUM (SKIP_LOCKED) that did nothing has succeeded."""
    schedule(capsys, "pg_cron")
    hurry(quire, "%vacuum%")
    until(quire, VACUUMED)
    assert one(quire, VACUUM_FAILURES) == 0
    with psycopg.connect(quire.info.dsn) as holder:
        holder.execute("lock table core.indexing_queue in share update exclusive mode")
        until(quire, VACUUM_FAILED)
        assert one(quire, "select status from cron.job_run_details where command like 'vacuum%%'"
                          " and end_time is not null order by runid desc limit 1") == "succeeded"  # fmt: skip
        assert f"its last run failed: {SKIPPED}" in schedule(capsys)
        assert findings("periodic vacuum_queue")[0].startswith(f"its last run failed: {SKIPPED}")
    until(quire, VACUUMED)


def test_a_vacuum_that_fails_is_recorded_with_what_it_said(
    quire: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = one(quire, "select statement from ops.periodic_tasks where task = 'vacuum_queue'")
    quire.execute("update ops.periodic_tasks set statement = 'vacuum core.indexing_queue' where task = 'vacuum_queue'")
    quire.execute("alter role quire_maintenance set lock_timeout = '50ms'")
    try:
        schedule(capsys, "pg_cron")
        hurry(quire, "%vacuum%")
        with psycopg.connect(quire.info.dsn) as holder:
            holder.execute("lock table core.indexing_queue in share update exclusive mode")
            until(quire, VACUUM_FAILED)
            assert one(quire, VACUUM_ERROR) == "38000: canceling statement due to lock timeout"
            assert one(quire, "select value > 0 from ops.periodic_metrics() where labels ->> 'task' = 'vacuum_queue'"
                              " and name = 'quire_periodic_failures_total'")  # fmt: skip
            assert one(
                quire, "select error from ops.purge_runs where task = 'vacuum_queue' and sqlstate = '38000'"
            ) == ("canceling statement due to lock timeout")
        until(quire, VACUUMED)
    finally:
        quire.execute("alter role quire_maintenance reset lock_timeout")
        quire.execute("update ops.periodic_tasks set statement = %s where task = 'vacuum_queue'", [statement])


def test_jobs_that_cannot_even_connect_are_told_with_their_reason_and_late(
    quire: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    schedule(capsys, "pg_cron")
    quire.execute("alter role quire_maintenance nologin")
    added = one(quire, "select added_at from ops.periodic_tasks where task = 'sweep_leases'")
    quire.execute("update ops.periodic_tasks set added_at = now() - interval '1 day' where task = 'sweep_leases'")
    try:
        hurry(quire)
        until(quire, "select count(distinct jobid) > 10 from cron.job_run_details where status = 'failed'")
        shown = schedule(capsys)
        assert next(line for line in shown.splitlines() if line.endswith("LATE")).startswith("sweep_leases ")
        assert "pg_cron's last run of it failed: connection failed" in shown
        assert "pg_cron's job record_vacuum: its last run failed: connection failed" in shown
        (late,) = findings("periodic sweep_leases")
        assert late.startswith("late by 86") and late.endswith(": connection failed")
        assert findings("pg_cron's job purge_jobs") == ["its last run failed: connection failed"]
        assert findings("periodic work") == []
    finally:
        quire.execute("alter role quire_maintenance login")
        quire.execute("update ops.periodic_tasks set added_at = %s where task = 'sweep_leases'", [added])
    until(quire, "select exists (select from ops.purge_runs where task = 'sweep_leases')")


def test_records_of_pg_cron_go_after_a_day(quire: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    quire.execute("select cron.schedule('somebody''s', '1 second', 'select 7')")
    schedule(capsys, "pg_cron")
    quire.execute(REST.encode())
    quire.execute("select cron.alter_job(jobid, schedule => '1 second') from cron.job where jobname like 'somebody%'")
    hurry(quire, "sweep_leases")
    until(quire, "select count(distinct jobid) >= 2 and count(*) >= 4 from cron.job_run_details")
    quire.execute(REST.encode())
    until(quire, "select max(start_time) < now() - interval '1.5 seconds' from cron.job_run_details")
    quire.execute("update cron.job_run_details set start_time = now() - interval '25 hours',"
                  " end_time = now() - interval '25 hours'")  # fmt: skip
    # what a crash leaves
    quire.execute("update cron.job_run_details set end_time = null where runid = (select min(runid)"
                  " from cron.job_run_details where command like '%run_periodic%')")  # fmt: skip
    quire.execute("insert into cron.job_run_details (jobid, runid, database, username, command, status, end_time)"
                  " select jobid, nextval('cron.runid_seq'), database, username, 'new', 'succeeded', now()"
                  " from cron.job where jobname like '%:sweep_leases'")  # fmt: skip
    ours = one(quire, "select count(*) from cron.job_run_details where command like '%%run_periodic%%'")
    before = one(quire, "select count(*) from cron.job_run_details")
    assert main(["purge", "--dry-run"]) == 0
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in capsys.readouterr().out.splitlines()}
    assert lines["cron.job_run_details"] == f"{ours} rows pg_cron's records of its runs, older than 24 hours"
    assert one(quire, "select count(*) from cron.job_run_details") == before
    hurry(quire, "cron_details")
    until(quire, "select not exists (select from cron.job_run_details where command like '%%run_periodic%%')")
    assert one(quire, "select count(*) from cron.job_run_details where command in ('select 7', 'new')") == (
        int(str(before)) - int(str(ours))
    ), "new ones and other people's stay"


def test_purge_takes_records_of_pg_cron_by_hand(quire: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    schedule(capsys, "pg_cron")
    quire.execute(
        "insert into cron.job_run_details (jobid, runid, command, status, end_time)"
        " select jobid, nextval('cron.runid_seq'), 'old', 'succeeded', now() - interval '25 hours' from cron.job"
    )
    count = one(quire, "select count(*) from cron.job")
    assert main(["purge", "cron_details"]) == 0
    assert capsys.readouterr().out.startswith(f"cron.job_run_details  {count} rows gone in ")
    assert one(quire, "select count(*) from cron.job_run_details where command = 'old'") == 0


def test_maintenance_installs_it_for_itself_without_a_superuser(
    quire: psycopg.Connection, running: CronServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    schedule(capsys, "pg_cron", "--username", "postgres")
    assert one(quire, "select array_agg(distinct username) from cron.job") == ["postgres"]
    quire.execute("select ops.remove_cron()")
    quire.execute("grant usage on schema cron to quire_maintenance")
    monkeypatch.setenv("DATABASE_URL", running.server.url("quire", "quire_maintenance"))
    said = schedule(capsys, "pg_cron")
    assert "jobs in cron.job of database quire" in said
    assert one(quire, "select array_agg(distinct username) from cron.job") == ["quire_maintenance"]
    hurry(quire, "sweep_leases")
    until(quire, "select exists (select from ops.purge_runs where task = 'sweep_leases')")
    assert main(["purge", "--dry-run"]) == 0
    assert "cron.job_run_details" in capsys.readouterr().out
    assert "jobs of pg_cron removed" in schedule(capsys, "procrastinate")
    assert one(quire, "select count(*) from cron.job") == 0


def test_pg_cron_in_another_database_runs_jobs_in_ours(
    quire: psycopg.Connection, running: CronServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = running.server.url("elsewhere")
    monkeypatch.setenv("DATABASE_URL", url)
    with psycopg.connect(url, autocommit=True) as ours:
        assert "jobs in cron.job of database quire" in schedule(capsys, "pg_cron")
        hurry(quire)
        until(ours, "select exists (select from ops.purge_runs where task = 'sweep_leases' and scheduler = 'pg_cron')")
        until(ours, VACUUMED)
        until(quire, "select exists (select from cron.job_run_details"
                     " where command like 'delete%%' and status = 'succeeded')")  # fmt: skip
        assert one(quire, "select count(*) from cron.job_run_details where status = 'failed'") == 0
        ours.execute("update ops.periodic_tasks set enabled = false where task = 'purge_jobs'")
        schedule(capsys, "pg_cron")
        ours.execute("update ops.periodic_tasks set enabled = true where task = 'purge_jobs'")
        assert one(quire, "select count(*) from cron.job where jobname = 'quire:elsewhere:purge_jobs'") == 0
        assert one(quire, "select count(*) > 0 from cron.job_run_details"), "renewing forgets no runs"
        quire.execute("alter role quire_maintenance nologin")
        try:
            hurry(quire, "sweep_leases")
            until(quire, "select exists (select from cron.job_run_details where status = 'failed')")
            assert "pg_cron's last run of it failed: connection failed" in schedule(capsys)
        finally:
            quire.execute("alter role quire_maintenance login")
        assert main(["purge", "--dry-run"]) == 0
        assert "cron.job_run_details" in capsys.readouterr().out
        schedule(capsys, "procrastinate")
        assert one(quire, "select count(*) from cron.job") == 0
        assert one(quire, "select count(*) from cron.job_run_details") == 0


def test_the_stand_in_that_16_is_tested_with_is_as_the_real_one(running: CronServer, quire: psycopg.Connection) -> None:
    text = STAND_IN.read_text().replace("create schema cron;", "create schema stand_in;").replace("cron.", "stand_in.")
    begin = text.index("create schema stand_in;")
    text = text[begin : text.index("select stand_in.schedule_in_database('quire:other")]
    functions = (
        "select p.proname, pg_get_function_identity_arguments(p.oid), p.prorettype::regtype::text from pg_proc as p"
        " where p.pronamespace = %s::regnamespace and p.proname = any(%s) order by 1, 2"
    )
    columns = (
        "select c.relname, a.attname, a.atttypid::regtype::text from pg_attribute as a inner join pg_class as c"
        " on c.oid = a.attrelid where c.relnamespace = %s::regnamespace and c.relkind = 'r' and a.attnum > 0"
    )
    with quire.transaction(force_rollback=True):
        quire.execute(text.encode())
        names = [row[0] for row in quire.execute(functions.encode(), ["stand_in", [
            "schedule", "schedule_in_database", "unschedule"]]).fetchall()]  # fmt: skip
        made, real = (set(quire.execute(functions.encode(), [s, names]).fetchall()) for s in ("stand_in", "cron"))
        assert made and made <= real
        made, real = (set(quire.execute(columns.encode(), [s]).fetchall()) for s in ("stand_in", "cron"))
        assert made and made <= real


def test_background_workers_of_pg_cron_run_it_too_and_a_server_without_it_is_told(
    running: CronServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running.start(use_background_workers="on")
    url = running.server.url("quire")
    monkeypatch.setenv("DATABASE_URL", url)
    with psycopg.connect(url, autocommit=True) as quire:
        quire.execute("truncate ops.periodic_progress, ops.purge_runs, cron.job_run_details")
        schedule(capsys, "pg_cron")
        hurry(quire, "%vacuum%")
        hurry(quire, "sweep_leases")
        until(quire, VACUUMED)
        until(quire, "select exists (select from ops.purge_runs where task = 'sweep_leases')")
        assert one(quire, "select count(*) from cron.job_run_details where status = 'failed'") == 0
        with psycopg.connect(url) as holder:
            holder.execute("lock table core.indexing_queue in share update exclusive mode")
            until(quire, VACUUM_FAILED)
            assert str(one(quire, VACUUM_ERROR)).startswith(SKIPPED)
    running.start(loaded=False)
    with psycopg.connect(running.server.url("quire"), autocommit=True) as quire:
        assert one(quire, "select ops.scheduler()") == "procrastinate", "else nothing would run"
        assert one(quire, "select outcome from ops.run_periodic('sweep_leases', 'procrastinate')") == "done"
        assert "was put in charge, but is not loaded" in findings("scheduler")[0]
        assert main(["schedule", "pg_cron"]) == 1
        assert "pg_cron is not loaded: add it to shared_preload_libraries" in capsys.readouterr().err
        assert "the workers run periodic work: 0 jobs" in schedule(capsys, "procrastinate")
        assert findings("scheduler") == []

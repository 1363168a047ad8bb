"""`quire doctor`: what is wrong with this database and these settings, and what to do about it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

import psycopg
from psycopg.conninfo import conninfo_to_dict

from app import doctor_access, pg_cron
from app.doctor_access import Finding, Verdict
from app.quickstart import FILE_NAME, find_database_url
from db.commands import Subparsers
from db.drift import drift
from db.migration_files import HERE, MigrationError, read_migrations
from db.requirements import MAX_TESTED_SERVER, MIN_SERVER, ServerUnfit, connect, pgvector_problem
from db.settings import Settings, mask_password


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire doctor` to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what is wrong with a database or its settings, and what to do",
        description="Check the database of DATABASE_URL (or of the running `quire up` whose data folder DATA is): "
        "version, extensions, settings, network, logins, roles, migrations, drift, connections. Changes nothing. "
        "Exit code 1 when something fails.",
    )
    parser.add_argument("--settings", action="store_true", help="also print every setting, secrets masked")


def run(args: argparse.Namespace) -> int:
    """Print one line a check; 1 when one failed."""
    settings = Settings.from_env()
    database_url = find_database_url(settings)
    if database_url is None:
        print(
            f"quire: no database to check: set DATABASE_URL, or DATA to the folder of a running `quire up`"
            f" ({settings.data / FILE_NAME} is not there)",
            file=sys.stderr,
        )
        return 2
    if args.settings:
        for name, value in settings.masked().items():
            print(f"      {name} = {value}")
    failed = False
    for finding in examine(database_url, settings):
        failed = failed or finding.verdict == "fail"
        print(f"{finding.verdict:<5} {finding.check}: {finding.message}")
    return 1 if failed else 0


def examine(database_url: str, settings: Settings) -> Iterator[Finding]:
    """All checks, one finding each; a check that breaks is a finding too.

    Args:
        database_url: the migrator's database.
        settings: for the pool's size.
    """
    try:
        connection = connect(database_url)
    except ServerUnfit as error:
        yield Finding("fail", "connection", f"{error}. Is the server running, and the address right?")
        return
    with connection:
        yield Finding("ok", "connection", mask_password(database_url))
        checks: tuple[Callable[[], Iterator[Finding]], ...] = (
            lambda: _version(connection),
            lambda: _extensions(connection),
            lambda: _server_settings(connection),
            lambda: doctor_access.network(connection),
            lambda: doctor_access.login(connection),
            lambda: doctor_access.process_logins(connection, settings),
            lambda: doctor_access.public(connection),
            lambda: _roles(connection, settings),
            lambda: _migrations(connection),
            lambda: _drift(connection),
            lambda: _connections(connection, settings),
            lambda: _periodic(connection, database_url),
            lambda: _default_partitions(connection),
        )
        for check in checks:
            try:
                yield from check()
            except (psycopg.Error, MigrationError) as error:
                yield Finding("fail", "check", f"could not be made: {str(error).strip()}")


def _version(connection: psycopg.Connection) -> Iterator[Finding]:
    version = connection.info.server_version
    major, minor = divmod(version, 10_000)
    if major < MIN_SERVER:
        yield Finding("fail", "version", f"PostgreSQL {major}.{minor}; {MIN_SERVER} or newer is needed")
    elif major > MAX_TESTED_SERVER:
        yield Finding("warn", "version", f"PostgreSQL {major}.{minor}; tested up to {MAX_TESTED_SERVER}")
    else:
        yield Finding("ok", "version", f"PostgreSQL {major}.{minor}")


def _extensions(connection: psycopg.Connection) -> Iterator[Finding]:
    if problem := pgvector_problem(connection):
        yield Finding("fail", "pgvector", problem)
    else:
        row = connection.execute("select extversion from pg_catalog.pg_extension where extname = 'vector'").fetchone()
        if row:
            yield Finding("ok", "pgvector", str(row[0]))
        else:
            yield Finding("fail", "pgvector", "is not created in this database: run `quire migrate`")
    row = connection.execute("select 1 from pg_catalog.pg_extension where extname = 'pg_stat_statements'").fetchone()
    yield Finding(
        "ok", "pg_stat_statements", "created" if row else "not there; optional: it adds statement times to /metrics"
    )


def _server_settings(connection: psycopg.Connection) -> Iterator[Finding]:
    wanted: tuple[tuple[str, tuple[str, ...], Verdict, str], ...] = (
        ("fsync", ("on",), "fail", "a crash can destroy the database: set it to on"),
        ("full_page_writes", ("on",), "fail", "a crash can destroy pages: set it to on"),
        (
            "synchronous_commit",
            ("on", "local", "remote_write", "remote_apply"),
            "warn",
            "the newest saves can be lost in a crash: set it to on",
        ),
        ("track_functions", ("pl", "all"), "warn", "/metrics has no function times: set it to pl"),
        ("track_io_timing", ("on",), "warn", "I/O times are not measured: set it to on"),
        ("autovacuum", ("on",), "fail", "queue and search tables will bloat: set it to on"),
        (
            "password_encryption",
            ("scram-sha-256",),
            "warn",
            "new passwords are kept as MD5: set it to scram-sha-256, then set the passwords anew",
        ),
        ("server_encoding", ("UTF8",), "fail", "texts need a UTF8 database: create it anew with encoding UTF8"),
    )
    for name, good, verdict, advice in wanted:
        row = connection.execute("select pg_catalog.current_setting(%s)", [name]).fetchone()
        value = str(row[0]) if row else ""
        yield Finding("ok", name, value) if value in good else Finding(verdict, name, f"{value}: {advice}")


def _roles(connection: psycopg.Connection, settings: Settings) -> Iterator[Finding]:
    processes = {
        "quire_owner": (None, None),
        "quire_api": ("QUIRE_API_DATABASE_URL", settings.api_database_url),
        "quire_worker": ("QUIRE_WORKER_DATABASE_URL", settings.worker_database_url),
        "quire_monitor": ("QUIRE_MONITOR_DATABASE_URL", settings.monitor_database_url),
        "quire_maintenance": ("QUIRE_MAINTENANCE_DATABASE_URL", settings.maintenance_database_url),
    }
    for role, (variable, url) in processes.items():
        row = connection.execute(
            "select pg_catalog.pg_has_role(session_user, oid, 'set') from pg_catalog.pg_roles where rolname = %s",
            [role],
        ).fetchone()
        if row is None:
            yield Finding("fail", f"role {role}", "is not there: psql -f db/roles.sql, or `quire migrate` as superuser")
        elif row[0]:
            yield Finding("ok", f"role {role}", "there")
        elif url is not None and conninfo_to_dict(url).get("user") != connection.info.user:
            yield Finding("ok", f"role {role}", f"there; {variable} has a login of its own")
        else:
            login = f"give that process a login ({variable}), or " if variable else ""
            yield Finding("warn", f"role {role}", f"this login cannot act as it: {login}grant {role} to it")


def _migrations(connection: psycopg.Connection) -> Iterator[Finding]:
    row = connection.execute("select pg_catalog.to_regclass('ops.migrations') is not null").fetchone()
    if not row or not row[0]:
        yield Finding("fail", "migrations", "none applied: run `quire migrate`")
        return
    applied = {int(found[0]) for found in connection.execute("select number from ops.migrations")}
    files = {migration.number for migration in read_migrations(HERE / "migrations")}
    if waiting := sorted(files - applied):
        yield Finding("fail", "migrations", f"{len(waiting)} wait, from number {waiting[0]:04d}: run `quire migrate`")
    elif newer := sorted(applied - files):
        yield Finding("fail", "migrations", f"the database has number {newer[-1]:04d}, this Quire does not: update it")
    else:
        yield Finding("ok", "migrations", f"all {len(files)} applied")


def _drift(connection: psycopg.Connection) -> Iterator[Finding]:
    differences = drift(connection)
    for difference in differences:
        yield Finding("fail", "drift", f"{difference}. `quire migrate` puts functions back; tell whoever changed it")
    if not differences:
        yield Finding("ok", "drift", "functions, views and triggers are those of the files")


def _connections(connection: psycopg.Connection, settings: Settings) -> Iterator[Finding]:
    row = connection.execute(
        "select pg_catalog.current_setting('max_connections')::int"
        " - pg_catalog.current_setting('superuser_reserved_connections')::int,"
        " (select count(*) from pg_catalog.pg_stat_activity where backend_type = 'client backend')"
    ).fetchone()
    room, used = row or (0, 0)
    # A worker: its jobs, procrastinate's listener and a spare; and one connection for metrics.
    each = settings.pool_max + settings.worker_concurrency + 3
    message = f"{used} of {room} used; one API and one worker take up to {each}"
    if each > room:
        yield Finding("fail", "connections", f"{message}: lower QUIRE_POOL_MAX or raise max_connections")
    elif each * 2 > room:
        yield Finding("warn", "connections", f"{message}: no room for a second pair; put PgBouncer in front")
    else:
        yield Finding("ok", "connections", message)


def _periodic(connection: psycopg.Connection, database_url: str) -> Iterator[Finding]:
    rows = connection.execute(
        "select task, scheduler, late, late_seconds, last_error from ops.periodic_state"
        " where enabled and (late or last_error is not null)"
    ).fetchall()
    failures = pg_cron.last_failures(connection, database_url)
    for task, scheduler, late, seconds, error in rows:
        who = failures.pop(task, "see cron.job_run_details")
        if scheduler == "procrastinate":
            who = "is a worker running (`quire worker`)?"
        message = f"late by {seconds:.0f} s" if late else "its last run failed"
        yield Finding("warn", f"periodic {task}", f"{message}: {error or who}")
    for job, said in failures.items():
        yield Finding("warn", f"pg_cron's job {job}", f"its last run failed: {said}")
    row = connection.execute("select scheduler from ops.periodic_control").fetchone()
    wanted = row[0] if row else "procrastinate"
    row = connection.execute("select ops.scheduler()").fetchone()
    if row and row[0] != wanted:
        yield Finding(
            "warn",
            "scheduler",
            "pg_cron was put in charge, but is not loaded: `quire schedule procrastinate` settles it",
        )
    elif not rows and not failures:
        yield Finding("ok", "periodic work", f"in time, by {wanted}")


def _default_partitions(connection: psycopg.Connection) -> Iterator[Finding]:
    rows = connection.execute(
        "select labels ->> 'table', value from ops.periodic_metrics()"
        " where name = 'quire_default_partition_rows' and value > 0"
    ).fetchall()
    for table, value in rows:
        yield Finding(
            "warn", f"partitions of {table}",
            f"{value:.0f} rows or more are in the default partition: ensure_partitions was late"
            " (`quire schedule`); rows of coming days move out by themselves, older ones go by retention",
        )  # fmt: skip
    if not rows:
        yield Finding("ok", "partitions", "made ahead; the default ones are empty")

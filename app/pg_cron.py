"""What the command line does with pg_cron: hands periodic work to it, takes it back, reads what it says of its runs.

pg_cron has its tables in one database of the server (cron.database_name). In Quire's own the functions of ops do it
all; from another one it is done over a connection to that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db.requirements import ServerUnfit, connect

RECORDS = "cron.job_run_details"

_SCHEDULE = "cron.schedule_in_database(text, text, text, text, text, boolean)"
# With the records of their runs, which nobody would ever take away.
_UNSCHEDULE = (
    "with gone as materialized (select j.jobid from cron.job as j where starts_with(j.jobname, 'quire:' || %s || ':')"
    " and (j.jobname <> all(%s) or j.username <> %s)),"
    " runs as (delete from cron.job_run_details as d using gone as g where d.jobid = g.jobid)"
    " select count(cron.unschedule(g.jobid)) from gone as g"
)
_LAST_FAILURES = (
    "select distinct on (j.jobname) substr(j.jobname, length('quire:' || %s || ':') + 1), d.status, d.return_message"
    " from cron.job as j inner join cron.job_run_details as d on d.jobid = j.jobid"
    " where starts_with(j.jobname, 'quire:' || %s || ':') and d.end_time is not null order by j.jobname, d.runid desc"
)


def install(connection: psycopg.Connection, database_url: str, username: str) -> tuple[int, str]:
    """Schedule the jobs and put pg_cron in charge.

    Args:
        connection: to Quire's database.
        database_url: its address.
        username: who jobs run as.

    Returns:
        How many there are, and the database in which pg_cron has them.

    Raises:
        RuntimeError: pg_cron is not there, or this login may not; the message says what to do.
    """
    database = connection.info.dbname
    home = _cron_database(connection)
    try:
        if home is None or home == database:
            row = connection.execute("select ops.install_cron(%s::text)", [username]).fetchone()
            return (row[0] if row else 0), database
        jobs = connection.execute("select name, schedule, command, in_cron_database from ops.cron_jobs()").fetchall()
        with connect(make_conninfo(database_url, dbname=home)) as cron, cron.transaction():
            if not _one(cron, "select to_regprocedure(%s) is not null", _SCHEDULE):
                raise RuntimeError(f"pg_cron is not in database {home}: create extension pg_cron there (1.6 or newer)")
            cron.execute(sql.SQL("grant usage on schema cron to {}").format(sql.Identifier(username)))
            for name, schedule, command, there in jobs:
                cron.execute(
                    "select cron.schedule_in_database(%s, %s, %s, %s, %s, true)",
                    [name, schedule, command, home if there else database, username],
                )
            _one(cron, _UNSCHEDULE, database, [job[0] for job in jobs], username)
            connection.execute("select ops.set_scheduler('pg_cron')")
        return len(jobs), home
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.InsufficientPrivilege) as error:
        raise RuntimeError(error.diag.message_primary or str(error)) from error


def remove(connection: psycopg.Connection, database_url: str) -> int:
    """Put the workers in charge and take the jobs away; how many there were."""
    removed = _one(connection, "select ops.remove_cron()")
    home = _cron_database(connection)
    if home is not None and home != connection.info.dbname:
        with connect(make_conninfo(database_url, dbname=home)) as cron:
            if _one(cron, "select to_regclass('cron.job') is not null"):
                removed += _one(cron, _UNSCHEDULE, connection.info.dbname, [], "")
    return removed


def last_failures(connection: psycopg.Connection, database_url: str) -> dict[str, str]:
    """Jobs whose last run pg_cron calls failed, with what it says; empty where this login may not read that.

    That of a task is by its name; there are jobs without one (ops.cron_jobs). What ops.run_periodic has recorded as
    failed is none of these: its call ended well.
    """
    with _records(connection, database_url) as cron:
        if cron is None:
            return {}
        database = connection.info.dbname
        rows = cron.execute(_LAST_FAILURES, [database, database]).fetchall()
    return {name: " ".join((said or status).split()) for name, status, said in rows if status == "failed"}


def count_old_records(connection: psycopg.Connection, database_url: str) -> int | None:
    """How many of pg_cron's records its own job would take away now; None where there are none for this login."""
    return _old_records(connection, database_url, "preview")


def purge_old_records(connection: psycopg.Connection, database_url: str) -> int | None:
    """Take them away as its own job does; how many."""
    return _old_records(connection, database_url, "command")


def _old_records(connection: psycopg.Connection, database_url: str, column: str) -> int | None:
    statement = sql.SQL("select {} from ops.cron_jobs() where preview is not null").format(sql.Identifier(column))
    with _records(connection, database_url) as cron:
        row = connection.execute(statement).fetchone() if cron is not None else None
        if cron is None or row is None:
            return None
        cursor = cron.execute(row[0])
        found = cursor.fetchone() if cursor.description else None
        return int(found[0]) if found else cursor.rowcount


@contextlib.contextmanager
def _records(connection: psycopg.Connection, database_url: str) -> Generator[psycopg.Connection | None]:
    """A connection to where pg_cron has its records; None when it is not in charge or this login may not read them."""
    home = _cron_database(connection)
    if not _one(connection, "select ops.scheduler() = 'pg_cron'"):
        yield None
        return
    with contextlib.ExitStack() as stack:
        cron = connection
        if home is not None and home != connection.info.dbname:
            try:
                cron = stack.enter_context(connect(make_conninfo(database_url, dbname=home)))
            except ServerUnfit:
                yield None
                return
        readable = _one(
            cron,
            "select coalesce((select has_schema_privilege(n.oid, 'usage') from pg_namespace as n"
            " where n.nspname = 'cron'), false)",
        )
        yield cron if readable else None


def _cron_database(connection: psycopg.Connection) -> str | None:
    """The database that pg_cron has its tables in; None where it is not loaded, or this login may not know."""
    row = connection.execute("select setting from pg_catalog.pg_settings where name = 'cron.database_name'").fetchone()
    return row[0] if row else None


def _one(cron: psycopg.Connection, statement: str, *parameters: str | list[str]) -> int:
    row = cron.execute(statement.encode(), parameters).fetchone()
    return int(row[0]) if row else 0

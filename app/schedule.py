"""`quire schedule`: what runs when and whether it does; and who runs it, the workers or pg_cron."""

from __future__ import annotations

import argparse

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.quickstart import need_database_url
from db.commands import Subparsers
from db.requirements import connect
from db.settings import Settings

_SCHEDULE = "cron.schedule_in_database(text, text, text, text, text, boolean)"


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire schedule` to the command line."""
    parser = subparsers.add_parser(
        "schedule",
        help="show periodic work and whether it is late, or put pg_cron or the workers in charge of it",
        description="Without an argument: one line a task with when it runs, when it last did, and whether it is late."
        " `pg_cron` hands periodic work to that extension, or renews its jobs after a change of ops.periodic_tasks;"
        " `procrastinate` gives it back to the workers. Never both: who is not in charge is refused by the database."
        " What needs a worker (waking drains, rescuing jobs) stays with the workers.",
    )
    parser.add_argument("scheduler", nargs="?", choices=("pg_cron", "procrastinate"), help="who is to run it")
    parser.add_argument(
        "--username",
        metavar="ROLE",
        default="quire_maintenance",
        help="who jobs of pg_cron run as, when this login is a superuser (quire_maintenance; pg_cron must be able to"
        " log in as it). Otherwise they run as this login",
    )


def run(args: argparse.Namespace) -> int:
    """Show, or change and show what changed."""
    database_url = need_database_url(Settings.from_env())
    with connect(database_url) as connection:
        if args.scheduler == "pg_cron":
            try:
                count, where = _install(connection, database_url, args.username)
            except (psycopg.errors.FeatureNotSupported, psycopg.errors.InsufficientPrivilege) as error:
                raise RuntimeError(error.diag.message_primary or str(error)) from error
            print(f"pg_cron runs periodic work: {count} jobs in cron.job of database {where}")
        elif args.scheduler == "procrastinate":
            count = _remove(connection, database_url)
            print(f"the workers run periodic work: {count} jobs of pg_cron removed")
        else:
            _show(connection)
    return 0


def _show(connection: psycopg.Connection) -> None:
    rows = connection.execute(
        "select task, cron, scheduler, enabled, late,"
        " coalesce(to_char(last_success_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), 'never'), last_error, about"
        " from ops.periodic_state"
    ).fetchall()
    print(f"{'task':<23} {'when (UTC)':<12} {'by':<13} {'last success (UTC)':<19}  does")
    for task, cron, scheduler, enabled, late, success, error, about in rows:
        state = "  LATE" if late else "" if enabled else "  switched off"
        print(f"{task:<23} {cron:<12} {scheduler:<13} {success:<19}  {about}{state}")
        if error:
            print(f"{'':<23} its last run failed: {error}")


def _install(connection: psycopg.Connection, database_url: str, username: str) -> tuple[int, str]:
    """Schedule the jobs; how many, and in which database pg_cron has them."""
    home = _cron_database(connection)
    if home is None or home == connection.info.dbname:
        try:
            row = connection.execute("select ops.install_cron(%s::text)", [username]).fetchone()
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.InsufficientPrivilege) as error:
            raise RuntimeError(f"{error.diag.message_primary}") from error
        return (row[0] if row else 0), connection.info.dbname
    jobs = connection.execute("select name, schedule, command, in_cron_database from ops.cron_jobs()").fetchall()
    with connect(make_conninfo(database_url, dbname=home)) as cron, cron.transaction():
        if not _one(cron, "select to_regprocedure(%s) is not null", _SCHEDULE):
            raise RuntimeError(f"pg_cron is not in database {home}: create extension pg_cron there (1.5 or newer)")
        cron.execute(sql.SQL("grant usage on schema cron to {}").format(sql.Identifier(username)))
        _unschedule(cron, connection.info.dbname)
        for name, schedule, command, there in jobs:
            cron.execute(
                "select cron.schedule_in_database(%s, %s, %s, %s, %s, true)",
                [name, schedule, command, home if there else connection.info.dbname, username],
            )
        connection.execute("select ops.set_scheduler('pg_cron')")
    return len(jobs), home


def _remove(connection: psycopg.Connection, database_url: str) -> int:
    """Take the jobs away; how many there were."""
    removed = _one(connection, "select ops.remove_cron()")
    home = _cron_database(connection)
    if home is not None and home != connection.info.dbname:
        with connect(make_conninfo(database_url, dbname=home)) as cron:
            if _one(cron, "select to_regclass('cron.job') is not null"):
                removed += _unschedule(cron, connection.info.dbname)
    return removed


def _cron_database(connection: psycopg.Connection) -> str | None:
    """The database that pg_cron has its tables in; None where it is not loaded, or this login may not know."""
    try:
        row = connection.execute("select pg_catalog.current_setting('cron.database_name', true)").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return row[0] if row else None


def _unschedule(cron: psycopg.Connection, database: str) -> int:
    return _one(
        cron,
        "select count(cron.unschedule(j.jobid)) from cron.job as j where starts_with(j.jobname, 'quire:' || %s || ':')",
        database,
    )


def _one(connection: psycopg.Connection, statement: str, *parameters: str) -> int:
    row = connection.execute(statement.encode(), parameters).fetchone()
    return int(row[0]) if row else 0

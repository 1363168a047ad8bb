"""`quire schedule`: what runs when and whether it does; and who runs it, the workers or pg_cron."""

from __future__ import annotations

import argparse

import psycopg

from app import pg_cron
from app.quickstart import need_database_url
from db.commands import Subparsers
from db.requirements import connect
from db.settings import Settings


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
            count, where = pg_cron.install(connection, database_url, args.username)
            print(f"pg_cron runs periodic work: {count} jobs in cron.job of database {where}")
        elif args.scheduler == "procrastinate":
            count = pg_cron.remove(connection, database_url)
            print(f"the workers run periodic work: {count} jobs of pg_cron removed")
        else:
            _show(connection, database_url)
    return 0


def _show(connection: psycopg.Connection, database_url: str) -> None:
    rows = connection.execute(
        "select task, cron, scheduler, enabled, late,"
        " coalesce(to_char(last_success_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), 'never'), last_error, about"
        " from ops.periodic_state"
    ).fetchall()
    failures = pg_cron.last_failures(connection, database_url)
    print(f"{'task':<23} {'when (UTC)':<12} {'by':<13} {'last success (UTC)':<19}  does")
    for task, cron, scheduler, enabled, late, success, error, about in rows:
        state = "  LATE" if late else "" if enabled else "  switched off"
        print(f"{task:<23} {cron:<12} {scheduler:<13} {success:<19}  {about}{state}")
        if error:
            print(f"{'':<23} its last run failed: {error}")
        elif task in failures:
            print(f"{'':<23} pg_cron's last run of it failed: {failures[task]}")
    for job in sorted(failures.keys() - {row[0] for row in rows}):
        print(f"pg_cron's job {job}: its last run failed: {failures[job]}")

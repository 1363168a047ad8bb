"""`quire purge`: retention now, or with --dry-run what it would take and why."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

import psycopg

from app import pg_cron
from app.quickstart import need_database_url
from db.commands import Subparsers
from db.requirements import connect
from db.settings import Settings

_PREFIXES = ("purge_", "thin_")
_CRON = "cron_details"  # pg_cron's records of its runs: no table of ours, taken away by a job of its own


@dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes:
        text: for people.
        failed: whether it ended in an error.
    """

    text: str
    failed: bool


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire purge` to the command line."""
    parser = subparsers.add_parser(
        "purge",
        help="do now what retention does by itself every hour, or show what it would take (--dry-run)",
        description="Take away what is kept for long enough (see Retention in README.md), in the database of"
        " DATABASE_URL or of the running `quire up` whose data folder DATA is. In small transactions: it may be"
        " interrupted, and saves and workers go on meanwhile. Exit code 1 when a task failed.",
        epilog="What runs when, and what has run: `quire schedule`.",
    )
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="only these, such as purge_jobs or just jobs")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="change nothing (the transaction is read only): one line a table with what would go and why. Rows of"
        " whole partitions are an estimate",
    )


def run(args: argparse.Namespace) -> int:
    """Purge or show; 1 when a task failed, 2 when there is no such task or no database."""
    database_url = need_database_url(Settings.from_env())
    with connect(database_url) as connection:
        known = connection.execute(
            "select task, relation from ops.list_periodic() where relation is not null order by relation"
        ).fetchall()
        if pg_cron.count_old_records(connection, database_url) is not None:
            known.append((_CRON, pg_cron.RECORDS))
        names = [name for name, _ in known]
        chosen: list[str] = []
        for asked in args.tasks:
            name = next((name for name in (asked, *(p + asked for p in _PREFIXES)) if name in names), None)
            if name is None:
                print(f"quire: there is no retention {asked!r}: it takes {', '.join(names)}", file=sys.stderr)
                return 2
            chosen.append(name)
        relations = {name: relation for name, relation in known if not chosen or name in chosen}
        width = max(len(relation) for relation in relations.values())
        if args.dry_run:
            _preview(connection, database_url, relations, width)
            return 0
        failed = False
        for name, relation in relations.items():
            outcome = _purge_cron(connection, database_url) if name == _CRON else _purge(connection, name)
            failed = failed or outcome.failed
            print(f"{relation:<{width}}  {outcome.text}", flush=True)
    return 1 if failed else 0


def _preview(connection: psycopg.Connection, database_url: str, relations: dict[str, str], width: int) -> None:
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        for name in relations:
            if name == _CRON:
                rows = pg_cron.count_old_records(connection, database_url)
                what = _amount(0, rows) if rows else "nothing"
                print(f"{pg_cron.RECORDS:<{width}}  {what:<32} pg_cron's records of its runs, older than 24 hours")
                continue
            row = connection.execute(
                "select relation, partitions, rows, keep_hours, about from ops.preview_purge(%s::text)", [name]
            ).fetchone()
            assert row is not None
            relation, partitions, rows, hours, about = row
            what = _amount(partitions, rows) if partitions or rows else "nothing"
            print(f"{relation:<{width}}  {what:<32} {about}, older than {_age(hours)}")
    print("Dry run: nothing was changed.")


def _purge(connection: psycopg.Connection, name: str) -> Outcome:
    """Run a task, one bounded transaction after the other, until nothing is left."""
    begin, total, runs = time.monotonic(), 0, 0
    while True:
        row = connection.execute(
            "select outcome, rows, more, error from ops.run_periodic(%s::text, 'command')", [name]
        ).fetchone()
        assert row is not None
        outcome, rows, more, error = row
        total, runs = total + rows, runs + 1
        done = f"{total:,} rows gone" if total else "nothing to take"
        if outcome == "failed":
            return Outcome(f"FAILED: {error} ({done})", True)
        if outcome == "busy":
            return Outcome(f"skipped, a worker is at it ({done})", False)
        if not more:
            return Outcome(f"{done} in {time.monotonic() - begin:.1f} s, {runs} transaction{'s' * (runs > 1)}", False)


def _purge_cron(connection: psycopg.Connection, database_url: str) -> Outcome:
    begin = time.monotonic()
    try:
        rows = pg_cron.purge_old_records(connection, database_url)
    except psycopg.Error as error:
        return Outcome(f"FAILED: {error.diag.message_primary or error}", True)
    done = f"{rows:,} rows gone" if rows else "nothing to take"
    return Outcome(f"{done} in {time.monotonic() - begin:.1f} s, 1 transaction", False)


def _amount(partitions: int, rows: int) -> str:
    if not partitions:
        return f"{rows:,} rows"
    return f"{partitions} partition{'s' * (partitions > 1)}, about {rows:,} rows"


def _age(hours: int) -> str:
    number, unit = (hours // 24, "day") if hours % 24 == 0 and hours > 24 else (hours, "hour")
    return f"{number} {unit}{'s' * (number > 1)}"

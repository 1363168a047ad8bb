"""`quire migrate`: bring a database to the state of db/migrations and db/functions, or say what that would do.

Tables change only by numbered migrations, each in a transaction with its ledger row; functions, views, triggers and
grants only by their file, all changed ones in one transaction. CONTRIBUTING.md has the rules for writing either.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import errors

from db.drift import drift, invalid_indexes, orphans
from db.function_phase import apply_files, apply_for_post, pending_files
from db.ledger import (
    LOCK_TIMEOUT,
    STATEMENT_TIMEOUT,
    applied_migrations,
    create_ledger,
    exclusive,
    has_ledger,
    require_roles,
)
from db.migration_files import (
    FunctionFile,
    Layout,
    MigrationError,
    pending_migrations,
    read_function_files,
    read_migrations,
)
from db.migration_phase import BUSY, apply_migration, set_timeouts
from db.migration_plan import render_plan
from db.requirements import MIN_SERVER, ServerUnfit, connect, pgvector_problem
from db.settings import Settings

__all__ = ["Layout", "MigrationError", "MigrationResult", "check", "drift", "migrate", "plan", "status"]

Log = Callable[[str], None]

LOCK_TRIES = 60
TIMEOUT_TRIES = 5


@dataclass(frozen=True)
class MigrationResult:
    """What a run did: names of migrations, paths of function files, seconds. Empty when all was there already."""

    migrations: tuple[str, ...]
    functions: tuple[str, ...]
    seconds: float


def migrate(
    conninfo: str,
    *,
    log: Log = print,
    to: int | None = None,
    layout: Layout | None = None,
    wait: float = 600,
    lock_tries: int = LOCK_TRIES,
) -> MigrationResult:
    """Bring a database up to date. Safe to run twice, from several hosts, and after a kill in the middle.

    Args:
        conninfo: a login that is, or may become, a member of quire_owner.
        log: gets one line a step.
        to: apply migrations up to this number only, and then no function files: they need the newest tables.
        layout: where the SQL files are, when not those of this package.
        wait: seconds to wait for another run on the same database.
        lock_tries: how often to try again when a table stays locked for `LOCK_TIMEOUT`.

    Raises:
        MigrationError: files do not fit the ledger, a file fails, a role is missing. Nothing of that file is left.
        ServerUnfit: no answer, server too old, or no pgvector.
    """
    layout = layout or Layout()
    started = time.monotonic()
    migrations = read_migrations(layout.migrations)
    files = read_function_files(layout.functions)
    with _connect(conninfo) as connection, exclusive(connection, wait, log):
        connection.add_notice_handler(lambda diagnostic: _pass_on(diagnostic, log))
        _check_server(connection)
        require_roles(connection, layout)
        _require_extension(connection)
        create_ledger(connection)
        pending = pending_migrations(migrations, applied_migrations(connection))
        wanted = [migration for migration in pending if to is None or migration.number <= to]
        prepared = False
        for migration in wanted:
            if migration.post and not prepared:
                _with_lock_retries(
                    "functions", lambda: _function_transaction(connection, files, log, final=False), log, lock_tries
                )
                prepared = True
            _with_lock_retries(migration.name, lambda m=migration: apply_migration(connection, m, log), log, lock_tries)
        changed = [] if len(wanted) < len(pending) else pending_files(connection, files)
        if changed:
            _with_lock_retries(
                "functions", lambda: _function_transaction(connection, files, log, final=True), log, lock_tries
            )
    if len(wanted) < len(pending):
        log(f"stopped at {to:04d}; {len(pending) - len(wanted)} migrations and the functions wait")
    seconds = time.monotonic() - started
    if wanted or changed:
        log(f"{len(wanted)} migrations and {len(changed)} function files applied in {seconds:.1f} s")
    else:
        log("schema and functions are up to date")
    return MigrationResult(tuple(m.name for m in wanted), tuple(f.path for f in changed), seconds)


def plan(conninfo: str, *, layout: Layout | None = None) -> str:
    """The exact SQL that `migrate` would run, for psql and for a DBA's eyes. Changes nothing."""
    layout = layout or Layout()
    with _connect(conninfo) as connection:
        _check_server(connection)
        migrations = pending_migrations(read_migrations(layout.migrations), applied_migrations(connection))
        files = pending_files(connection, read_function_files(layout.functions))
        return render_plan(connection, layout, migrations, files)


def check(conninfo: str, *, layout: Layout | None = None) -> list[str]:
    """Everything in which a database differs from the files, one sentence each; empty when nothing does."""
    layout = layout or Layout()
    with _connect(conninfo) as connection:
        _check_server(connection)
        try:
            pending = pending_migrations(read_migrations(layout.migrations), applied_migrations(connection))
        except MigrationError as error:
            return [str(error)]
        files = read_function_files(layout.functions)
        problems = [f"migration {migration.name} is not applied: run quire migrate" for migration in pending]
        changed = pending_files(connection, files)
        problems += [f"{file.path} changed or is not applied: run quire migrate" for file in changed]
        problems += invalid_indexes(connection) + orphans(connection, layout)
        # Drift says something only of files that claim to be applied.
        return problems if pending or changed else problems + drift(connection, layout)


def status(conninfo: str, *, layout: Layout | None = None) -> list[str]:
    """One line a migration (applied when, or pending), then the function files that wait, orphans and bad indexes."""
    layout = layout or Layout()
    with _connect(conninfo) as connection:
        migrations = read_migrations(layout.migrations)
        waiting = {m.number for m in pending_migrations(migrations, applied_migrations(connection))}
        times: dict[int, str] = {}
        if has_ledger(connection):
            with connection.transaction():
                connection.execute("set local role quire_owner")
                rows = connection.execute(
                    "select number, to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                    " || ' ' || duration_ms || ' ms' from ops.migrations"
                )
                times = {int(row[0]): str(row[1]) for row in rows}
        lines = [f"{'pending' if m.number in waiting else times[m.number]:<32} {m.name}" for m in migrations]
        lines += [
            f"{'pending':<32} {file.path}" for file in pending_files(connection, read_function_files(layout.functions))
        ]
        return lines + orphans(connection, layout) + invalid_indexes(connection)


def _connect(conninfo: str) -> psycopg.Connection:
    connection = connect(conninfo)
    connection.prepare_threshold = None
    connection.execute("set application_name = 'quire migrate'")
    # A CREATEROLE login that is no superuser gets the roles it makes only so.
    connection.execute("set createrole_self_grant = 'set, inherit'")
    return connection


def _pass_on(diagnostic: errors.Diagnostic, log: Log) -> None:
    """What a migration says itself (`raise notice`); not what PostgreSQL says of `if not exists` and the like."""
    if diagnostic.sqlstate in ("00000", "01000"):
        log(f"    {diagnostic.message_primary}")


def _check_server(connection: psycopg.Connection) -> None:
    version = connection.info.server_version
    if version < MIN_SERVER * 10_000:
        raise ServerUnfit(f"the server is PostgreSQL {version // 10_000}, Quire needs {MIN_SERVER} or newer")
    if problem := pgvector_problem(connection):
        raise ServerUnfit(problem)


def _require_extension(connection: psycopg.Connection) -> None:
    """Only where a package marks pgvector as trusted may a plain login create it; say so before anything is changed."""
    row = connection.execute(
        "select 1 from pg_catalog.pg_extension where extname = 'vector'"
        " union all select 1 from pg_catalog.pg_roles where rolname = current_user and rolsuper"
        " union all select 1 from pg_catalog.pg_available_extension_versions where name = 'vector' and trusted"
    ).fetchone()
    if row is None:
        raise MigrationError(
            f"{connection.info.user} may not create the extension vector: a DBA runs"
            f" `create extension vector with schema public;` in database {connection.info.dbname} once."
        )


def _with_lock_retries(name: str, work: Callable[[], None], log: Log, tries: int) -> None:
    for attempt in range(1, tries + 1):
        try:
            work()
            return
        except BUSY as error:
            # A statement timeout may as well be too short for the work itself: no hour of tries for that.
            if attempt >= (min(tries, TIMEOUT_TRIES) if isinstance(error, errors.QueryCanceled) else tries):
                raise MigrationError(
                    f"{name}: a table stayed locked through {attempt} tries ({error.diag.message_primary}). Find the"
                    " long transaction in pg_stat_activity, end it or wait, and run quire migrate again."
                ) from error
            pause = min(0.1 * 2 ** (attempt - 1), 5.0)
            log(f"  {name}: {error.diag.message_primary}, try {attempt} of {tries}, again in {pause:.1f} s")
            time.sleep(pause)


def _function_transaction(
    connection: psycopg.Connection, files: Sequence[FunctionFile], log: Log, *, final: bool
) -> None:
    with connection.transaction():
        set_timeouts(connection, LOCK_TIMEOUT, STATEMENT_TIMEOUT, local=True)
        changed = pending_files(connection, files)
        connection.execute("set local role quire_owner")
        if not final:
            apply_for_post(connection, changed, log)
            return
        apply_files(connection, changed, log)
        connection.execute("delete from ops.function_files where path <> all (%s)", ([file.path for file in files],))
    log(f"  {len(changed)} function files")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # pyright: ignore[reportPrivateUsage]
    """Add `quire migrate` to the command line."""
    parser = subparsers.add_parser(
        "migrate",
        help="bring a database's schema up to date, or show what that would do (--plan)",
        description="Applies db/migrations and db/functions to the database in DATABASE_URL. Safe to run again.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--plan", action="store_true", help="print the exact SQL for a DBA and psql; change nothing")
    what.add_argument("--check", action="store_true", help="exit 1 when anything is pending, drifted or invalid")
    what.add_argument("--status", action="store_true", help="list every migration and when it was applied")
    what.add_argument(
        "--dump-schema",
        nargs="?",
        const="-",
        metavar="FILE",
        help="write db/schema.sql: the schema of a fresh database (its own throwaway server), '-' for the screen",
    )
    parser.add_argument("--to", type=int, metavar="N", help="stop after migration number N")


def run(args: argparse.Namespace) -> int:
    """Run `quire migrate`; returns the exit code."""
    try:
        if args.dump_schema is not None:
            from db.schema_dump import dump_schema  # it needs the embedded server; the others do not

            text = dump_schema()
            if args.dump_schema == "-":
                sys.stdout.write(text)
            else:
                Path(args.dump_schema).write_text(text, encoding="utf-8")
            return 0
        conninfo = Settings.from_env().database_url
        if not conninfo:
            raise MigrationError("DATABASE_URL is not set: give the database to migrate, as a postgresql:// URL.")
        if args.plan:
            sys.stdout.write(plan(conninfo))
        elif args.status:
            print("\n".join(status(conninfo)))
        elif args.check:
            problems = check(conninfo)
            print("\n".join(problems) or "schema and functions are as the files say")
            return 1 if problems else 0
        else:
            migrate(conninfo, to=args.to)
    except (MigrationError, ServerUnfit) as error:
        print(f"quire migrate: {error}", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """`python -m db.migrate ...`, the same as `quire migrate ...`."""
    parser = argparse.ArgumentParser(prog="python -m db.migrate")
    subparsers = parser.add_subparsers()
    add_parser(subparsers)
    return run(parser.parse_args(["migrate", *sys.argv[1:]]))


if __name__ == "__main__":
    raise SystemExit(main())

"""`quire migrate --plan`: the run of the runner as one psql script for a DBA."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
from psycopg import sql

from db.ledger import (
    CONCURRENT_LOCK_TIMEOUT,
    INSERT_MIGRATION,
    LEDGER_DDL,
    LOCK_KEY,
    LOCK_TIMEOUT,
    NONTX_STATEMENT_TIMEOUT,
    STATEMENT_TIMEOUT,
    UPSERT_FUNCTION_FILE,
    has_ledger,
    missing_roles,
)
from db.migration_files import FunctionFile, Layout, Migration

_FIND_INVALID = """\
select pg_catalog.format('drop index concurrently %%s', i.indexrelid::regclass)
from pg_catalog.pg_index as i join pg_catalog.pg_class as c on c.oid = i.indexrelid
where i.indrelid = to_regclass(%s) and c.relname = %s and not i.indisvalid"""


def render_plan(
    connection: psycopg.Connection, layout: Layout, migrations: Sequence[Migration], files: Sequence[FunctionFile]
) -> str:
    """The script; it does what `migrate` does, but for the retries: psql stops at the first error, and the rest can be
    planned again.

    Args:
        connection: the database that the plan is for (read only; also quotes literals).
        layout: for the roles' file.
        migrations: pending migrations in order.
        files: pending function files.
    """
    return "\n".join(_lines(connection, layout, migrations, files)) + "\n"


def _lines(
    connection: psycopg.Connection, layout: Layout, migrations: Sequence[Migration], files: Sequence[FunctionFile]
) -> Iterator[str]:
    yield f"-- Plan of quire migrate for database {connection.info.dbname}:"
    yield f"-- {len(migrations)} migrations, {len(files)} function files. Run: psql -X -f plan.sql <database>"
    if not migrations and not files:
        yield "-- Nothing to do."
        return
    yield "\\set ON_ERROR_STOP on"
    yield f"select pg_catalog.pg_advisory_lock({LOCK_KEY});"
    if missing := missing_roles(connection):
        yield f"\n-- {layout.roles.name}: {', '.join(missing)} missing. Needs the right to create roles."
        yield "set createrole_self_grant = 'set, inherit';"
        yield layout.roles.read_text(encoding="utf-8").rstrip()
    if not has_ledger(connection):
        schema, tables = LEDGER_DDL.split("\n", 1)
        yield "\n-- The ledger\nbegin;"
        yield schema
        yield "set local role quire_owner;"
        yield f"{tables.rstrip()}\ncommit;"
    prepared = False
    for migration in migrations:
        if migration.post and not prepared and files:
            yield "\n-- Functions that the next migrations need. Errors here are about tables that come later: go on."
            yield "\\set ON_ERROR_STOP off\n\\set ON_ERROR_ROLLBACK on"
            yield from _functions(files, checked="off")
            yield "\\set ON_ERROR_ROLLBACK off\n\\set ON_ERROR_STOP on"
            prepared = True
        yield from _migration(connection, migration)
    if files:
        yield f"\n-- {'=' * 100}\n-- Functions, views, triggers, grants: again, then with their bodies checked."
        yield from _functions(files, checked="off")
        yield from _functions(files, checked="on")
        yield "begin;\nset local role quire_owner;"
        for file in files:
            yield _bind(connection, UPSERT_FUNCTION_FILE, (file.path, file.sha256))
        yield "commit;"
    yield f"\nselect pg_catalog.pg_advisory_unlock({LOCK_KEY});"


def _migration(connection: psycopg.Connection, migration: Migration) -> Iterator[str]:
    record = _bind(connection, INSERT_MIGRATION, (migration.number, migration.name, migration.sha256, 0))
    yield f"\n-- {'=' * 100}\n-- {migration.name}  sha256 {migration.sha256}"
    if migration.transactional:
        yield "begin;"
        yield f"set local lock_timeout = '{LOCK_TIMEOUT}';\nset local statement_timeout = '{STATEMENT_TIMEOUT}';"
        yield _closed(migration.text)
        yield "set local role quire_owner;"
        yield f"{record}\ncommit;"
        yield "reset all;"
        return
    yield from _nontx(connection, migration)
    yield f"begin;\nset local role quire_owner;\n{record}\ncommit;"


def _nontx(connection: psycopg.Connection, migration: Migration) -> Iterator[str]:
    index = migration.concurrent_index
    given = migration.settings
    if index:
        yield "-- Drops what a failed build left behind; does nothing otherwise."
        query = _bind(connection, _FIND_INVALID, (index[1], index[0]))
        yield query.rstrip(";") + " \\gexec"
    lock_timeout = given.get("lock_timeout", CONCURRENT_LOCK_TIMEOUT if index else LOCK_TIMEOUT)
    yield f"set lock_timeout = '{lock_timeout}';"
    yield f"set statement_timeout = '{given.get('statement_timeout', NONTX_STATEMENT_TIMEOUT)}';"
    if "role" in given:
        yield sql.SQL("set role {};").format(sql.Identifier(given["role"])).as_string(connection)
    yield _closed(migration.text)
    yield "reset role;\nreset lock_timeout;\nreset statement_timeout;"


def _functions(files: Sequence[FunctionFile], *, checked: str) -> Iterator[str]:
    # The order in which views and triggers find what they need: functions, then views, then triggers.
    ordered = sorted(files, key=lambda file: (bool(file.triggers), bool(file.views), file.path))
    yield "begin;"
    yield f"set local lock_timeout = '{LOCK_TIMEOUT}';\nset local statement_timeout = '{STATEMENT_TIMEOUT}';"
    yield f"set local role quire_owner;\nset local check_function_bodies = {checked};"
    for file in ordered:
        yield f"-- {file.path}  sha256 {file.sha256}"
        yield _closed(file.text)
    yield "commit;"


def _closed(text: str) -> str:
    """A file's text with its last statement ended, also where a comment follows it."""
    text = text.rstrip()
    return text if text.endswith(";") else f"{text}\n;"


def _bind(connection: psycopg.Connection, query: str, values: tuple[object, ...]) -> str:
    return psycopg.ClientCursor(connection).mogrify(query.encode(), values) + ";"

"""The first half of a migration run: one migration file, in its transaction or, if it has to be, outside any."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
from psycopg import errors, sql

from db.function_phase import failure
from db.ledger import (
    CONCURRENT_LOCK_TIMEOUT,
    INSERT_MIGRATION,
    LOCK_TIMEOUT,
    NONTX_STATEMENT_TIMEOUT,
    STATEMENT_TIMEOUT,
)
from db.migration_files import Migration, MigrationError

BUSY = (errors.LockNotAvailable, errors.DeadlockDetected, errors.QueryCanceled)
"""What is worth another try: somebody else was in the way."""


def set_timeouts(connection: psycopg.Connection, lock: str, statement: str, *, local: bool) -> None:
    """Set lock_timeout and statement_timeout, for the transaction (`local`) or the session."""
    connection.execute("select set_config('lock_timeout', %s, %s)", (lock, local))
    connection.execute("select set_config('statement_timeout', %s, %s)", (statement, local))


def apply_migration(connection: psycopg.Connection, migration: Migration, log: Callable[[str], None]) -> None:
    """Apply one migration and its ledger row; nothing of it stays when it fails, an invalid index excepted.

    Args:
        connection: autocommit, outside a transaction.
        migration: the file.
        log: gets its name and how long it took.

    Raises:
        MigrationError: the file fails; names the line and what PostgreSQL says.
        psycopg.errors.LockNotAvailable, DeadlockDetected, QueryCanceled: worth another try.
    """
    started = time.monotonic()
    try:
        if migration.transactional:
            with connection.transaction():
                set_timeouts(connection, LOCK_TIMEOUT, STATEMENT_TIMEOUT, local=True)
                connection.execute(migration.text.encode())
                _record(connection, migration, started)
        else:
            _apply_nontx(connection, migration)
            with connection.transaction():
                _record(connection, migration, started)
    except BUSY:
        raise
    except psycopg.Error as error:
        raise failure(migration.name, migration.text, error) from error
    log(f"  {migration.name} {(time.monotonic() - started) * 1000:.0f} ms")


def _record(connection: psycopg.Connection, migration: Migration, started: float) -> None:
    # A file may have left any role or search_path behind.
    connection.execute("set local role quire_owner")
    milliseconds = round((time.monotonic() - started) * 1000)
    connection.execute(INSERT_MIGRATION, (migration.number, migration.name, migration.sha256, milliseconds))


def _apply_nontx(connection: psycopg.Connection, migration: Migration) -> None:
    index = migration.concurrent_index
    given = migration.settings
    if index:
        _drop_invalid(connection, *index)
    try:
        set_timeouts(
            connection,
            given.get("lock_timeout", CONCURRENT_LOCK_TIMEOUT if index else LOCK_TIMEOUT),
            given.get("statement_timeout", NONTX_STATEMENT_TIMEOUT),
            local=False,
        )
        if "role" in given:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(given["role"])))
        connection.execute(migration.text.encode())
    finally:
        if not connection.broken:
            connection.execute("reset role")
            connection.execute("reset lock_timeout")
            connection.execute("reset statement_timeout")
    if index and _is_valid(connection, *index) is not True:
        raise MigrationError(f"{migration.name}: the index {index[0]} is missing or INVALID after its build.")


def _is_valid(connection: psycopg.Connection, index: str, table: str) -> bool | None:
    row = connection.execute(
        "select i.indisvalid from pg_catalog.pg_index as i join pg_catalog.pg_class as c on c.oid = i.indexrelid"
        " where i.indrelid = to_regclass(%s) and c.relname = %s",
        (table, index),
    ).fetchone()
    return None if row is None else bool(row[0])


def _drop_invalid(connection: psycopg.Connection, index: str, table: str) -> None:
    """Drop what a failed build left: `if not exists` would take it for done."""
    if _is_valid(connection, index, table) is False:
        schema = table.split(".", maxsplit=1)[0]
        connection.execute(sql.SQL("drop index concurrently {}").format(sql.Identifier(schema, index)))

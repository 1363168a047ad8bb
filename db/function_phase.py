"""The second half of a migration run: all changed function files in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg
from psycopg import errors, sql

from db.ledger import UPSERT_FUNCTION_FILE, applied_function_files
from db.migration_files import FunctionFile, MigrationError


def pending_files(connection: psycopg.Connection, files: Sequence[FunctionFile]) -> list[FunctionFile]:
    """Files that were edited since they were applied, or of which something is gone from the database.

    The second half matters after a migration that drops and re-creates a table: its triggers go with it although their
    file did not change.
    """
    ledger = applied_function_files(connection)
    functions, views, triggers = _present(connection)
    return [
        file
        for file in files
        if ledger.get(file.path) != file.sha256
        or not functions.issuperset(file.functions)
        or not views.issuperset(file.views)
        or not triggers.issuperset(file.triggers)
    ]


def _present(connection: psycopg.Connection) -> tuple[set[str], set[str], set[tuple[str, str]]]:
    functions = connection.execute(
        "select distinct n.nspname || '.' || p.proname from pg_catalog.pg_proc as p"
        " join pg_catalog.pg_namespace as n on n.oid = p.pronamespace where n.nspname !~ '^(pg_|information_schema)'"
    )
    names = {str(row[0]) for row in functions}
    views = connection.execute("select schemaname || '.' || viewname from pg_catalog.pg_views")
    view_names = {str(row[0]) for row in views}
    triggers = connection.execute(
        "select t.tgname, n.nspname || '.' || c.relname from pg_catalog.pg_trigger as t"
        " join pg_catalog.pg_class as c on c.oid = t.tgrelid"
        " join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where not t.tgisinternal"
    )
    return names, view_names, {(str(row[0]), str(row[1])) for row in triggers}


def apply_files(connection: psycopg.Connection, files: Sequence[FunctionFile], log: Callable[[str], None]) -> None:
    """Apply files twice inside the caller's transaction and write the ledger.

    The first pass does not look into bodies, so that functions may call each other in any order; views, triggers and
    `returns setof` still depend on one another, so what fails is tried again until a pass adds nothing. The second
    pass checks every body against what is there by then.

    Args:
        connection: inside a transaction, as quire_owner.
        files: the changed files.
        log: told of functions that are dropped because their result type changed.

    Raises:
        MigrationError: a file does not apply; names it, the line, and what PostgreSQL says.
    """
    # Triggers last, both passes of them: making one locks its table against writers until the commit.
    for group in ([file for file in files if not file.triggers], [file for file in files if file.triggers]):
        connection.execute("set local check_function_bodies = off")
        failed = apply_in_any_order(connection, group, lambda file: _apply(connection, file, log))
        if failed:
            raise failed[0]
        connection.execute("set local check_function_bodies = on")
        for file in group:
            try:
                connection.execute(file.text.encode())
            except psycopg.Error as error:
                raise failure(file.path, file.text, error) from error
            connection.execute(UPSERT_FUNCTION_FILE, (file.path, file.sha256))


def apply_for_post(connection: psycopg.Connection, files: Sequence[FunctionFile], log: Callable[[str], None]) -> None:
    """Put in place what a `_post` migration may need, without looking into bodies and without the ledger.

    What does not apply yet waits for the tables of a later migration; `apply_files` comes at the end of the run and
    accepts no failure.

    Args:
        connection: inside a transaction, as quire_owner.
        files: the changed files.
        log: told of what waits.
    """
    connection.execute("set local check_function_bodies = off")
    failed = apply_in_any_order(connection, files, lambda file: _apply(connection, file, log))
    log(f"  {len(files) - len(failed)} function files put in place for what follows")
    for error in failed:
        log(f"    not yet: {str(error).splitlines()[0]}")


def apply_in_any_order(
    connection: psycopg.Connection, files: Sequence[FunctionFile], apply: Callable[[FunctionFile], None]
) -> list[MigrationError]:
    """Call `apply` for each file, again for those that failed, until a pass adds nothing.

    Returns:
        What the files say that never applied.
    """
    waiting = list(files)
    while waiting:
        failed: list[tuple[FunctionFile, psycopg.Error]] = []
        for file in waiting:
            try:
                with connection.transaction():
                    apply(file)
            except errors.LockNotAvailable:
                raise  # The whole phase starts over: going on would keep locks while it waits for others.
            except psycopg.Error as error:
                failed.append((file, error))
        if len(failed) == len(waiting):
            return [failure(file.path, file.text, error) for file, error in failed]
        waiting = [file for file, _ in failed]
    return []


def _apply(connection: psycopg.Connection, file: FunctionFile, log: Callable[[str], None]) -> None:
    before = _signatures(connection, file)
    try:
        with connection.transaction():
            connection.execute(file.text.encode())
    except (errors.InvalidFunctionDefinition, errors.InvalidTableDefinition):
        # 42P13, 42P16: `create or replace` changes neither a result type nor a parameter's name nor a view's columns.
        log(f"  {file.path}: the signature changed, drop and create")
        _drop(connection, file, [signature for _, signature in before], views=True)
        connection.execute(file.text.encode())
        return
    after = _signatures(connection, file)
    if len(after) > len(before) > 0:
        # Other parameter types make a second function beside the old one; the house has no overloads.
        log(f"  {file.path}: the parameters changed, the old {', '.join(s for _, s in before)} is dropped")
        _drop(connection, file, [signature for _, signature in before], views=False)


def _signatures(connection: psycopg.Connection, file: FunctionFile) -> list[tuple[int, str]]:
    rows = connection.execute(
        "select p.oid, p.oid::regprocedure::text from pg_catalog.pg_proc as p"
        " join pg_catalog.pg_namespace as n on n.oid = p.pronamespace"
        " where n.nspname || '.' || p.proname = any(%s) order by p.oid",
        (list(file.functions),),
    )
    return [(int(oid), str(signature)) for oid, signature in rows]


def _drop(connection: psycopg.Connection, file: FunctionFile, signatures: Sequence[str], *, views: bool) -> None:
    try:
        for signature in signatures:
            # regprocedure prints a quoted, complete signature: it is SQL already.
            connection.execute(b"drop routine " + signature.encode())
        for view in file.views if views else ():
            connection.execute(sql.SQL("drop view if exists {}").format(sql.Identifier(*view.split("."))))
    except errors.DependentObjectsStillExist as error:
        raise MigrationError(
            f"{file.path} changes a signature, and other objects depend on it: {error.diag.message_detail}. Give the"
            " new one a new name (`_v2`), or drop the dependents in a migration; they come back by their own files."
        ) from error


def failure(name: str, text: str, error: psycopg.Error) -> MigrationError:
    """A MigrationError that names file, line, SQLSTATE and PostgreSQL's own detail and hint."""
    diagnostics = error.diag
    place = name
    if diagnostics.statement_position:
        line = text.count("\n", 0, int(diagnostics.statement_position) - 1) + 1
        place = f"{name}, line {line}"
    parts = [f"{place}: {diagnostics.message_primary or str(error).strip()} (SQLSTATE {error.sqlstate})"]
    parts += [part for part in (diagnostics.message_detail, diagnostics.message_hint, diagnostics.context) if part]
    return MigrationError("\n  ".join(parts))

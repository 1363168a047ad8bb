"""Where a database differs from the function files: changed definitions, orphans, INVALID indexes."""

from __future__ import annotations

import re
from dataclasses import replace

import psycopg
from psycopg import errors

from db.function_phase import apply_in_any_order
from db.ledger import OWNER
from db.migration_files import (
    SCHEMAS,
    FunctionFile,
    Layout,
    MigrationError,
    read_function_files,
    read_migrations,
    split_statements,
    strip_comments,
)

# What a file sets of an object: definition, grants, comment. Grants sorted: their order means nothing.
_SNAPSHOT = """
select
    n.nspname || '.' || p.proname,
    p.oid::regprocedure::text,
    concat_ws(E'\n', pg_get_functiondef(p.oid), obj_description(p.oid, 'pg_proc'),
        (select string_agg(a::text, ',' order by a::text) from unnest(p.proacl) as a))
from pg_catalog.pg_proc as p
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where n.nspname = any(%(schemas)s) and p.prokind in ('f', 'p')
    and not exists (select from pg_catalog.pg_depend as d where d.objid = p.oid and d.deptype = 'e')
union all
select
    n.nspname || '.' || c.relname,
    n.nspname || '.' || c.relname,
    concat_ws(E'\n', pg_get_viewdef(c.oid), c.reloptions::text, obj_description(c.oid, 'pg_class'),
        (select string_agg(a::text, ',' order by a::text) from unnest(c.relacl) as a))
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'v' and n.nspname = any(%(schemas)s || array['public'])
    and not exists (select from pg_catalog.pg_depend as d where d.objid = c.oid and d.deptype = 'e')
union all
select
    t.tgname || ' on ' || n.nspname || '.' || c.relname,
    t.tgname || ' on ' || n.nspname || '.' || c.relname,
    concat_ws(E'\n', pg_get_triggerdef(t.oid), t.tgenabled::text, obj_description(t.oid, 'pg_trigger'))
from pg_catalog.pg_trigger as t
join pg_catalog.pg_class as c on c.oid = t.tgrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not t.tgisinternal and n.nspname = any(%(schemas)s || array['public'])
"""
_MIG_HELPER = re.compile(r"^core\.mig_(\d{4})_")
# Statements that lock a table or a view against its users; the rest only touches rows of the system catalog.
_LOCKING = re.compile(
    r"^(create\s+(or\s+replace\s+)?((constraint\s+)?trigger|view)|drop\s|alter\s|comment\s+on\s+(trigger|view|column)"
    r"|(grant|revoke)\s.*\son\s+(table\s+)?(?!function|procedure|routine|schema)\w+\.\w+\s)",
    re.I | re.S,
)


def drift(connection: psycopg.Connection, layout: Layout | None = None) -> list[str]:
    """Compare what is in the database with what the files would make of it.

    All files are applied in a transaction that is rolled back, and PostgreSQL's own rendering (`pg_get_functiondef`,
    `pg_get_viewdef`, `pg_get_triggerdef`, grants, comment) is compared before and after: no text of ours is
    parsed. Statements that lock a table come last and give up after 0.3 s, so that it may run on a busy server.

    Args:
        connection: autocommit; its login must be able to act as quire_owner.
        layout: where the SQL files are, when not those of this package.

    Returns:
        One sentence a difference.

    Raises:
        MigrationError: a table is too busy, or the login may not act as the owner.
    """
    files = read_function_files((layout or Layout()).functions)
    parts = _parts(files, locking=False) + _parts(files, locking=True)
    found: list[str] = []
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("set local role quire_owner")
            connection.execute("set local lock_timeout = '300ms'")
            connection.execute("set local check_function_bodies = off")
            before = _snapshot(connection)
            failed = apply_in_any_order(connection, parts, lambda part: _run(connection, part, found))
            found += [f"cannot be compared with what is in the database: db/functions/{error}" for error in failed]
            after = _snapshot(connection)
    except errors.LockNotAvailable as error:
        raise MigrationError("cannot look for drift: a table with triggers is locked. Try again.") from error
    except (errors.InsufficientPrivilege, errors.InvalidParameterValue) as error:
        raise MigrationError(f"cannot look for drift: {connection.info.user} cannot act as {OWNER}.") from error
    for identity, (name, definition) in sorted(after.items()):
        if identity not in before:
            found.append(f"{identity} is missing in the database ({_file_of(files, name)})")
        elif before[identity][1] != definition:
            found.append(f"{identity} differs from its file ({_file_of(files, name)})")
    return found


def _parts(files: list[FunctionFile], *, locking: bool) -> list[FunctionFile]:
    """The files cut down to the statements that lock tables, or to those that do not."""
    parts: list[FunctionFile] = []
    for file in files:
        statements = [s for s in split_statements(file.text) if _is_locking(s) is locking]
        if statements:
            parts.append(replace(file, text=";\n".join(statements)))
    return parts


def _is_locking(statement: str) -> bool:
    return _LOCKING.match(strip_comments(statement).strip()) is not None


def _run(connection: psycopg.Connection, part: FunctionFile, found: list[str]) -> None:
    try:
        with connection.transaction():
            connection.execute(part.text.encode())
    except (errors.InvalidFunctionDefinition, errors.InvalidTableDefinition):
        # Another result type, parameter name or column: `create or replace` cannot even try.
        found.append(f"db/functions/{part.path} has another signature than what is in the database")


def _snapshot(connection: psycopg.Connection) -> dict[str, tuple[str, str]]:
    rows = connection.execute(_SNAPSHOT.encode(), {"schemas": list(SCHEMAS)})
    return {str(identity): (str(name), str(definition)) for name, identity, definition in rows}


def _file_of(files: list[FunctionFile], name: str) -> str:
    for file in files:
        triggers = {f"{trigger} on {table}" for trigger, table in file.triggers}
        if name in file.functions or name in file.views or name in triggers:
            return f"db/functions/{file.path}"
    return "by no file of its own"


def orphans(connection: psycopg.Connection, layout: Layout | None = None) -> list[str]:
    """Functions and views of our schemas that no file creates, one sentence each.

    Helpers of data migrations (`core.mig_NNNN_*`) belong to their chain until it drops them.
    """
    layout = layout or Layout()
    files = read_function_files(layout.functions)
    known = {name for file in files for name in (*file.functions, *file.views)}
    chain = {migration.number: migration.text for migration in read_migrations(layout.migrations)}
    rows = connection.execute(
        "select n.nspname || '.' || p.proname, p.oid::regprocedure::text from pg_catalog.pg_proc as p"
        " join pg_catalog.pg_namespace as n on n.oid = p.pronamespace where n.nspname = any(%(schemas)s)"
        " and not exists (select from pg_catalog.pg_depend as d where d.objid = p.oid and d.deptype = 'e')"
        " union all select schemaname || '.' || viewname, 'view ' || schemaname || '.' || viewname"
        " from pg_catalog.pg_views where schemaname = any(%(schemas)s) order by 2",
        {"schemas": list(SCHEMAS)},
    )
    found: list[str] = []
    seen: set[str] = set()
    for name, identity in rows:
        helper = _MIG_HELPER.match(name)
        if helper and name in chain.get(int(helper[1]), ""):
            continue
        if name not in known:
            found.append(f"{identity} has no file in db/functions: drop it, or restore its file")
        elif name in seen:
            found.append(f"{identity} is an overload, its file makes only one: drop the one that is not in the file")
        seen.add(name)
    return found


def invalid_indexes(connection: psycopg.Connection) -> list[str]:
    """Indexes in our schemas and in public that a failed concurrent build left behind, one sentence each."""
    rows = connection.execute(
        "select i.indexrelid::regclass::text from pg_catalog.pg_index as i"
        " join pg_catalog.pg_class as c on c.oid = i.indexrelid"
        " join pg_catalog.pg_namespace as n on n.oid = c.relnamespace"
        " where not i.indisvalid and n.nspname = any(%s) order by 1",
        ([*SCHEMAS, "public", "procrastinate"],),
    )
    return [f"index {row[0]} is INVALID: drop it and run the migration or command that builds it again" for row in rows]

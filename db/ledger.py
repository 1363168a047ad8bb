"""What `quire migrate` keeps in the database: `ops.migrations`, `ops.function_files`, and the lock around a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import psycopg

from db.migration_files import Layout, MigrationError

OWNER = "quire_owner"
ROLES = (OWNER, "quire_migrator", "quire_api", "quire_worker", "quire_monitor", "quire_maintenance", "quire_analyst")

LOCK_KEY = 0x7175_6972_65  # "quire" in ASCII
"""Key of the advisory lock that one run of the runner (or of a DBA with the plan) holds."""

LOCK_TIMEOUT = "2s"
"""A migration that waits longer for a table lock gives up: everybody who comes after it would queue behind it."""
STATEMENT_TIMEOUT = "60s"
CONCURRENT_LOCK_TIMEOUT = "10min"
"""`create index concurrently` waits for old transactions without blocking anybody; giving up early only leaves an
invalid index."""
NONTX_STATEMENT_TIMEOUT = "6h"

LEDGER_DDL = """\
create schema if not exists ops authorization quire_owner;
create table if not exists ops.migrations (
    number integer not null,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default clock_timestamp(),
    duration_ms bigint not null,
    constraint migrations_pk primary key (number)
);
comment on table ops.migrations is 'Ledger of quire migrate: one row an applied file of db/migrations.';
comment on column ops.migrations.number is 'NNNN of the file name; files are applied in this order.';
comment on column ops.migrations.name is 'File name; a renamed file is refused.';
comment on column ops.migrations.sha256 is 'Of the file as it was applied; an edited file is refused.';
comment on column ops.migrations.applied_at is 'When it was applied here.';
comment on column ops.migrations.duration_ms is 'How long it took here; 0 when a DBA ran the plan.';
comment on index ops.migrations_pk is 'Migrations by number.';
create table if not exists ops.function_files (
    path text not null,
    sha256 text not null,
    applied_at timestamptz not null default clock_timestamp(),
    constraint function_files_pk primary key (path)
);
comment on table ops.function_files is 'Ledger of quire migrate: one row a file of db/functions, as last applied.';
comment on column ops.function_files.path is 'Path below db/functions.';
comment on column ops.function_files.sha256 is 'Of the file as last applied; another one is applied again.';
comment on column ops.function_files.applied_at is 'When it was last applied here.';
comment on index ops.function_files_pk is 'Function files by path.';
"""

INSERT_MIGRATION = "insert into ops.migrations (number, name, sha256, duration_ms) values (%s, %s, %s, %s)"
UPSERT_FUNCTION_FILE = (
    "insert into ops.function_files (path, sha256) values (%s, %s)"
    " on conflict (path) do update set sha256 = excluded.sha256, applied_at = excluded.applied_at"
)


def missing_roles(connection: psycopg.Connection) -> list[str]:
    """Which of `ROLES` this server does not have."""
    rows = connection.execute("select rolname from pg_catalog.pg_roles where rolname = any(%s)", (list(ROLES),))
    present = {row[0] for row in rows}
    return [role for role in ROLES if role not in present]


def require_roles(connection: psycopg.Connection, layout: Layout) -> None:
    """Make the roles when they are missing and this login may; check that it can act as the owner.

    Raises:
        MigrationError: they are missing and only a DBA can make them, or the login is no member of quire_owner.
    """
    user = connection.info.user
    if missing := missing_roles(connection):
        row = connection.execute(
            "select rolsuper or rolcreaterole from pg_catalog.pg_roles where rolname = current_user"
        ).fetchone()
        if row is None or not row[0]:
            raise MigrationError(
                f"the roles {', '.join(missing)} are missing and {user} may not create roles: a DBA runs"
                f" `psql -f {layout.roles.name}` (db/{layout.roles.name}) once and grants quire_owner to {user}."
            )
        with connection.transaction():
            connection.execute(layout.roles.read_bytes())
    row = connection.execute("select pg_catalog.pg_has_role(%s::name, 'set')", (OWNER,)).fetchone()
    if row is None or not row[0]:
        raise MigrationError(f"{user} cannot act as {OWNER}: a DBA runs `grant {OWNER} to {user};` once.")


def create_ledger(connection: psycopg.Connection) -> None:
    """Make schema ops and both tables where they are missing, owned by quire_owner."""
    if has_ledger(connection):
        return
    with connection.transaction():
        # The schema by the login (only it may have CREATE on the database), the tables by the owner.
        head, tables = LEDGER_DDL.split("\n", 1)
        connection.execute(head.encode())
        connection.execute("set local role quire_owner")
        connection.execute(tables.encode())


def has_ledger(connection: psycopg.Connection) -> bool:
    """Whether this database was ever migrated."""
    row = connection.execute(
        "select exists (select from pg_catalog.pg_class as c"
        " join pg_catalog.pg_namespace as n on n.oid = c.relnamespace"
        " where n.nspname = 'ops' and c.relname = 'function_files')"
    ).fetchone()
    return row is not None and bool(row[0])


def applied_migrations(connection: psycopg.Connection) -> dict[int, tuple[str, str]]:
    """number -> (name, sha256) of the ledger; empty when there is none."""
    if not has_ledger(connection):
        return {}
    with connection.transaction():
        connection.execute("set local role quire_owner")
        rows = connection.execute("select number, name, sha256 from ops.migrations")
        return {number: (name, sha256) for number, name, sha256 in rows}


def applied_function_files(connection: psycopg.Connection) -> dict[str, str]:
    """path -> sha256 of the ledger; empty when there is none."""
    if not has_ledger(connection):
        return {}
    with connection.transaction():
        connection.execute("set local role quire_owner")
        rows = connection.execute("select path, sha256 from ops.function_files")
        return {path: sha256 for path, sha256 in rows}  # noqa: C416 - pyright needs the pair spelled out


@contextmanager
def exclusive(connection: psycopg.Connection, timeout: float, log: Callable[[str], None]) -> Generator[None]:
    """Hold the advisory lock of migrations on this session.

    It is polled, never awaited in SQL: a session that waits inside `select pg_advisory_lock()` holds a snapshot, and
    the other run's `create index concurrently` would wait for exactly that snapshot, unseen by the deadlock detector.

    Args:
        connection: autocommit; the lock goes with it.
        timeout: seconds to wait for another run.
        log: told once when there is someone to wait for.

    Raises:
        MigrationError: another run still holds it after `timeout`.
    """
    deadline = time.monotonic() + timeout
    told = False
    while True:
        row = connection.execute("select pg_catalog.pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone()
        if row is not None and row[0]:
            break
        if time.monotonic() >= deadline:
            raise MigrationError(
                f"another migration still runs on this database after {timeout:.0f} s (pid {_holder(connection)} in"
                " pg_stat_activity): wait for it, or end it if it is stuck."
            )
        if not told:
            log(f"waiting for another migration on this database (pid {_holder(connection)})")
            told = True
        time.sleep(0.2)
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.execute("select pg_catalog.pg_advisory_unlock(%s)", (LOCK_KEY,))


def _holder(connection: psycopg.Connection) -> str:
    row = connection.execute(
        "select pid from pg_catalog.pg_locks where locktype = 'advisory' and granted and objsubid = 1"
        " and (classid::bigint << 32 | objid::bigint) = %s"
        " and database = (select oid from pg_catalog.pg_database where datname = current_database())",
        (LOCK_KEY,),
    ).fetchone()
    return str(row[0]) if row else "gone meanwhile"

"""What Quire needs of a PostgreSQL server, checked before anything is changed on it."""

from __future__ import annotations

import psycopg

from db.settings import mask_password

MIN_SERVER = 16
MAX_TESTED_SERVER = 18
MIN_PGVECTOR = (0, 7)


class ServerUnfit(RuntimeError):
    """The server cannot be reached or lacks something; the message says what and what to do."""


def connect(conninfo: str, timeout: int = 10) -> psycopg.Connection:
    """An autocommit connection.

    Args:
        conninfo: URL or conninfo string.
        timeout: seconds to wait for an answer.

    Raises:
        ServerUnfit: no answer, or the login is refused; the address is named without its password.
    """
    try:
        return psycopg.connect(conninfo, autocommit=True, connect_timeout=timeout)
    except psycopg.OperationalError as error:
        raise ServerUnfit(f"cannot connect to {mask_password(conninfo)}: {str(error).strip()}") from error


def advice(error: psycopg.Error) -> str | None:
    """What the database said and what to do about it, where rights, a migration or time are missing; else None."""
    said = error.diag.message_primary or str(error)
    if error.sqlstate == "42501":
        return (
            f"{said}: the login has not the rights for that; log in as the role that owns the migrations, or as the one"
            " that docs/production-roles.md gives it to"
        )
    if error.sqlstate in ("3F000", "42883", "42P01"):
        return f"{said}: is `quire migrate` still to be run?"
    if error.sqlstate == "57014" and "timeout" in said:  # not somebody's pg_cancel_backend()
        return f"{said}: ask for less, or give the login a longer statement_timeout"
    return None


def pgvector_problem(connection: psycopg.Connection) -> str | None:
    """What is wrong with pgvector in this database: missing, too old, or nothing (None)."""
    row = connection.execute(
        "select default_version, installed_version from pg_catalog.pg_available_extensions where name = 'vector'"
    ).fetchone()
    if row is None:
        return (
            "pgvector is not installed on the server: install the package postgresql-NN-pgvector there"
            " (or the provider's equivalent), version 0.7 or newer"
        )
    version = str(row[1] or row[0])
    if tuple(int(part) for part in version.split(".")[:2]) < MIN_PGVECTOR:
        how = "alter extension vector update" if row[1] else "update its package"
        return f"pgvector {version} is too old, 0.7 or newer is needed: {how}"
    return None


def check_server(conninfo: str) -> str:
    """Check that migrations can run there.

    Args:
        conninfo: the migrator's database.

    Returns:
        The server's version, such as ``18.4``.

    Raises:
        ServerUnfit: unreachable, older than PostgreSQL 16, or without pgvector 0.7.
    """
    with connect(conninfo) as connection:
        version = connection.info.server_version
        if version < MIN_SERVER * 10_000:
            raise ServerUnfit(f"the server is PostgreSQL {version // 10_000}, Quire needs {MIN_SERVER} or newer")
        if problem := pgvector_problem(connection):
            raise ServerUnfit(problem)
        return f"{version // 10_000}.{version % 10_000}"

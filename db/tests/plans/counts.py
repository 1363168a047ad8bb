"""Plans, and what statements really read: counts of one session, which others' and late statistics do not touch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg

ROWS = 20_000  # of the fixture `filled`


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


def explain(conn: psycopg.Connection, statement: LiteralString, *parameters: object) -> list[dict[str, Any]]:
    row = conn.execute("explain (format json) " + statement, parameters).fetchone()
    assert row is not None
    return nodes(row[0][0]["Plan"])


def tuples_read(conn: psycopg.Connection, *tables: str) -> dict[str, int]:
    """Rows by scans of the whole table, and entries of each index, that this transaction has read.

    Between two transactions statistics may leave for the views, where those of other sessions arrive at any time.
    """
    return {name: rows for name, rows, _ in _counts(conn, tables)}


def blocks_touched(conn: psycopg.Connection, *tables: str) -> int:
    """Blocks of tables and their indexes that this transaction has touched."""
    return sum(blocks for _, _, blocks in _counts(conn, tables))


def updated(conn: psycopg.Connection, table: str) -> tuple[int, int]:
    """Rows of a table that this transaction has updated, and how many of them in place (HOT)."""
    row = conn.execute(
        "select pg_stat_get_xact_tuples_updated(%(table)s::regclass),"
        " pg_stat_get_xact_tuples_hot_updated(%(table)s::regclass)",
        {"table": table},
    ).fetchone()
    assert row is not None
    return row


def _counts(conn: psycopg.Connection, tables: Sequence[str]) -> list[tuple[str, int, int]]:
    assert conn.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    return conn.execute(
        "select c.relname, pg_stat_get_xact_tuples_returned(c.oid), pg_stat_get_xact_blocks_fetched(c.oid)"
        " from pg_class as c where c.oid = any(%(tables)s::regclass[]) or c.oid in"
        " (select i.indexrelid from pg_index as i where i.indrelid = any(%(tables)s::regclass[]))",
        {"tables": list(tables)},
    ).fetchall()

"""Calls of the functions of schema ``indexing``: what a drain says to the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from db.pool import Pool

# Classes of SQLSTATE by which the database refuses the moment, not the rows.
_TRANSIENT = ("08", "25", "40", "42501", "53", "55", "57", "58")


@dataclass(frozen=True)
class Entry:
    """A claimed queue row, with what is needed to embed it: indexing.claim's columns."""

    workspace_id: UUID
    page_id: UUID
    no: int
    op: str
    generation: int
    attempts: int
    priority: int
    seq: int
    ver: int
    body: str
    text_hash: bytes
    embed_needed: bool


@dataclass(frozen=True)
class Failure:
    """An entry that could not be indexed for a reason of its own."""

    entry: Entry
    code: str
    error: str


def is_transient(sqlstate: str | None) -> bool:
    """Whether an error says nothing about the rows: connection, lock, timeout, shutdown. None: no answer at all."""
    return sqlstate is None or sqlstate.startswith(_TRANSIENT)


async def claim(
    pool: Pool,
    lane: int,
    low: int,
    high: int,
    after: tuple[int, int],
    limit: int,
    lease: UUID,
    seconds: float,
    model: str,
) -> list[Entry]:
    """Up to `limit` due entries of a lane with priority low..high behind the watermark `after` (priority, seq)."""
    async with pool.connection() as connection, connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(
            "select * from indexing.claim(%s::smallint, %s::smallint, %s::smallint, %s::smallint, %s::bigint,"
            " %s::integer, %s::uuid, %s::double precision, %s::text)",
            [lane, low, high, after[0], after[1], limit, lease, seconds, model],
        )
        return await cursor.fetchall()


async def write(pool: Pool, lease: UUID, model: str, entries: Sequence[Entry], vectors: Sequence[str | None]) -> int:
    """Write search entries, and vectors (pgvector's text) where given; the number of vectors written."""
    row = await _one(
        pool,
        "select indexing.write_entries(%s::uuid, %s::text, %s::uuid[], %s::uuid[], %s::integer[], %s::bigint[],"
        " %s::bytea[], %s::text[])",
        [lease, model, *_keys(entries), [e.ver for e in entries], [e.text_hash for e in entries], list(vectors)],
    )
    return int(row[0])


async def ack(pool: Pool, lease: UUID, model: str, entries: Sequence[Entry]) -> tuple[int, int]:
    """Finish written entries: (done, to be done again because they were edited meanwhile)."""
    row = await _one(
        pool,
        "select done, again from indexing.ack(%s::uuid, %s::text, %s::uuid[], %s::uuid[], %s::integer[],"
        " %s::integer[], %s::bigint[])",
        [lease, model, *_keys(entries), [e.generation for e in entries], [e.ver for e in entries]],
    )
    return int(row[0]), int(row[1])


async def fail(pool: Pool, lease: UUID, failures: Sequence[Failure]) -> tuple[int, int]:
    """Charge failed entries: (to be retried, dead)."""
    entries = [f.entry for f in failures]
    row = await _one(
        pool,
        "select retried, dead from indexing.fail(%s::uuid, %s::uuid[], %s::uuid[], %s::integer[], %s::integer[],"
        " %s::text[], %s::text[])",
        [
            *[lease, *_keys(entries), [e.generation for e in entries]],
            *[[f.code for f in failures], [f.error.replace("\0", "") for f in failures]],
        ],
    )
    return int(row[0]), int(row[1])


async def release(pool: Pool, lease: UUID, delay: float) -> int:
    """Give back what the lease still holds, uncharged, due in `delay` seconds."""
    return int((await _one(pool, "select indexing.release(%s::uuid, %s::double precision)", [lease, delay]))[0])


async def renew(pool: Pool, lease: UUID, seconds: float) -> int:
    """Extend the lease; the number of rows it still holds."""
    return int((await _one(pool, "select indexing.renew_lease(%s::uuid, %s::double precision)", [lease, seconds]))[0])


def _keys(entries: Sequence[Entry]) -> list[list[Any]]:
    return [[e.workspace_id for e in entries], [e.page_id for e in entries], [e.no for e in entries]]


async def _one(pool: Pool, statement: LiteralString, parameters: Sequence[Any]) -> tuple[Any, ...]:
    async with pool.connection() as connection:
        row = await (await connection.execute(statement, parameters)).fetchone()
    assert row is not None
    return row

"""Calls of the functions of schema ``indexing``: what a drain says to the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from db.pool import Pool

Vector = tuple[int, str | None, str | None]  # place, model, vector as pgvector's text; both None: only the entry

# Classes of SQLSTATE by which the database refuses the moment, not the rows.
_TRANSIENT = ("08", "25", "40", "42501", "53", "55", "57", "58")


@dataclass(frozen=True)
class Claimed:
    """What indexing.claim answers: a batch, its entries named by place (1 is the first).

    Attributes:
        rows: entries of the batch; 0: nothing to do, and nothing else is set.
        seq: the last one's place in the order, the next watermark.
        workspace_rows: how many there are of each workspace that was asked for; None when none was.
        workspace_seqs: the last one of each of those.
        stale: places of the entries that something has to be written for; the others are in search as they are.
        places: places of the entries that `models` have to embed.
        models: names of those models.
        bodies: the texts.
        waits: for each model that was asked for: None (its provider is well), 0 (ask, and tell how it went) or the
            seconds until its provider may be asked; None when there is nothing to embed.
    """

    rows: int
    seq: int | None
    workspace_rows: list[int] | None
    workspace_seqs: list[int | None] | None
    stale: list[int] | None
    places: list[int] | None
    models: list[str] | None
    bodies: list[str] | None
    waits: list[float | None] | None


@dataclass(frozen=True)
class Failure:
    """An entry, by place, that could not be indexed for a reason of its own."""

    place: int
    code: str
    error: str


@dataclass(frozen=True)
class Ready:
    """What indexing.find_ready answers, by priority.

    Attributes:
        firsts: seq of the first entry to be claimed; priorities that have none are missing.
        suspects: priorities with entries to be tried alone.
        outages: priorities that wait for a provider; of them only entries that were never put off count.
        last_seq: the last one drawn before the look; None while the queue is paused.
    """

    firsts: dict[int, int]
    suspects: list[int]
    outages: frozenset[int]
    last_seq: int | None


def is_transient(sqlstate: str | None) -> bool:
    """Whether an error says nothing about the rows: connection, lock, timeout, shutdown. None: no answer at all."""
    return sqlstate is None or sqlstate.startswith(_TRANSIENT)


async def claim(
    pool: Pool,
    lane: int,
    priority: int,
    after: int,
    workspaces: Sequence[tuple[UUID, int]],
    limit: int,
    lease: UUID,
    seconds: float,
    worker: UUID | None,
    models: Sequence[str],
) -> Claimed:
    """Up to `limit` due entries behind the watermark `after`, or of `workspaces` in turn, each behind its own."""
    async with pool.connection() as connection, connection.cursor(row_factory=class_row(Claimed)) as cursor:
        await cursor.execute(
            "select * from indexing.claim(%s::smallint, %s::smallint, %s::bigint, %s::uuid[], %s::bigint[],"
            " %s::integer, %s::uuid, %s::double precision, %s::uuid, %s::text[])",
            [
                *[lane, priority, after, [w[0] for w in workspaces], [w[1] for w in workspaces]],
                *[limit, lease, seconds, worker, list(models)],
            ],
        )
        claimed = await cursor.fetchone()
    assert claimed is not None
    return claimed


async def find_ready(pool: Pool, watermarks: Mapping[int, int], models: Sequence[str]) -> Ready:
    """Priorities with entries behind the watermark of each, and those with due suspects."""
    row = await _one(
        pool,
        "select priorities, seqs, suspects, outages, last_seq"
        " from indexing.find_ready(%s::smallint[], %s::bigint[], %s::text[])",
        [list(watermarks), list(watermarks.values()), list(models)],
    )
    return Ready(dict(zip(row[0], row[1], strict=True)), row[2], frozenset(row[3]), row[4])


async def find_workspaces(pool: Pool, priority: int, after: int | None, limit: int) -> tuple[list[UUID], int | None]:
    """Workspaces with entries of a priority: of the next `limit` behind `after` (and how far that is), or all."""
    row = await _one(
        pool,
        "select workspace_ids, seq from indexing.find_workspaces(%s::smallint, %s::bigint, %s::integer)",
        [priority, after, limit],
    )
    return row[0], row[1]


async def write(pool: Pool, lease: UUID, vectors: Sequence[Vector]) -> int:
    """Write entries and vectors; vectors written."""
    row = await _one(
        pool,
        "select indexing.write_entries(%s::uuid, %s::integer[], %s::text[], %s::text[])",
        [lease, [v[0] for v in vectors], [v[1] for v in vectors], [v[2] for v in vectors]],
    )
    return int(row[0])


async def ack(pool: Pool, lease: UUID, model: str, places: Sequence[int] | None) -> tuple[int, int]:
    """Finish written entries (None: all, and the lease): (done, to be done again: edited meanwhile)."""
    row = await _one(
        pool,
        "select done, again from indexing.ack(%s::uuid, %s::text, %s::integer[])",
        [lease, model, None if places is None else list(places)],
    )
    return int(row[0]), int(row[1])


async def fail(pool: Pool, lease: UUID, failures: Sequence[Failure]) -> tuple[int, int]:
    """Charge failed entries: (to be retried, dead)."""
    row = await _one(
        pool,
        "select retried, dead from indexing.fail(%s::uuid, %s::integer[], %s::text[], %s::text[])",
        [
            *[lease, [f.place for f in failures], [f.code for f in failures]],
            [f.error.replace("\0", "") for f in failures],
        ],
    )
    return int(row[0]), int(row[1])


async def release(pool: Pool, lease: UUID, delay: float) -> int:
    """End the lease; what it still holds is given back, uncharged, due in `delay` seconds."""
    return int((await _one(pool, "select indexing.release(%s::uuid, %s::double precision)", [lease, delay]))[0])


async def renew(pool: Pool, lease: UUID, seconds: float) -> bool:
    """Extend the lease; whether it was still there."""
    return bool((await _one(pool, "select indexing.renew_lease(%s::uuid, %s::double precision)", [lease, seconds]))[0])


async def open_breaker(pool: Pool, model: str, retry_after: float, probe: bool, reason: str) -> float:
    """The provider is out; the seconds that nobody asks it."""
    row = await _one(
        pool,
        "select indexing.open_breaker(%s::text, %s::double precision, %s::boolean, %s::text)",
        [model, retry_after, probe, reason.replace("\0", "")],
    )
    return float(row[0])


async def close_breaker(pool: Pool, model: str) -> None:
    """The provider answers again."""
    await _one(pool, "select indexing.close_breaker(%s::text)", [model])


async def _one(pool: Pool, statement: LiteralString, parameters: Sequence[Any]) -> tuple[Any, ...]:
    async with pool.connection() as connection:
        row = await (await connection.execute(statement, parameters)).fetchone()
    assert row is not None
    return row

"""The embedding provider as a whole is out: nobody is charged, saves are found, then the oldest come first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID, uuid4

import psycopg
import pytest

from db.embedders import Embedder, OpenAIEmbedder
from db.pool import Pool
from db.tests.embedding_server import EmbeddingServer
from worker import claims
from worker.drain import Drain
from worker.tests import pages
from worker.tests.drains import MODEL, hurry, only, put_out, queue, with_drain, workers_pool

T = TypeVar("T")
SET_TIME = "select set_config('quire.fake_now', to_timestamp(%s)::text, false)"


@pytest.mark.parametrize("status", [429, 503, 401])
def test_an_outage_charges_nobody_and_text_is_searchable_meanwhile(
    conn: psycopg.Connection,
    database: str,
    embedder: OpenAIEmbedder,
    provider: EmbeddingServer,
    workspace: UUID,
    status: int,
) -> None:
    provider.status, provider.headers = status, {"retry-after": "0.2"}
    pages.create_page(conn, workspace, ["one", "two"])

    async def through_the_outage(drain: Drain) -> None:
        for _ in range(5):  # more than the three attempts that an entry has
            hurry(conn)
            drain.wake()
            await drain.once()
            assert [(row[1:4]) for row in queue(conn)] == [(0, 0, False)] * 2  # the empty title needs no vector
            await asyncio.sleep(0.25)
        assert conn.execute(
            "select count(*) from core.search_entries where workspace_id = %s", [workspace]
        ).fetchone() == (3,)
        provider.status = None
        deadline = time.monotonic() + 15
        while queue(conn) and time.monotonic() < deadline:
            hurry(conn)
            drain.wake()
            await drain.once()
            await asyncio.sleep(0.1)

    with_drain(database, embedder, through_the_outage)
    assert pages.disagreements(conn, workspace, MODEL) == []
    assert conn.execute("select count(*) from core.indexing_dead_letters").fetchone() == (0,)
    assert provider.requests <= 6  # the breaker keeps from asking at each try


class FakeTime:
    """Drains of one worker each whose clock, and the database's, stands still between steps."""

    def __init__(self, pool: Pool, conn: psycopg.Connection, embedder: Embedder, drains: int, batch: int) -> None:
        self.clock = time.time()
        self._pool, self._conn = pool, conn
        self._drains = [
            Drain(pool, only(embedder), batch=batch, lease_seconds=60, stop=asyncio.Event(), now=lambda: self.clock)
            for _ in range(drains)
        ]

    async def step(self, seconds: float, all_due: bool = False, at_once: bool = False) -> None:
        """Later by some seconds each drain works on a batch, or on all that is due, in turn or beside each other."""
        self.clock += seconds
        async with self._pool.connection() as connection:
            await connection.execute(SET_TIME, [self.clock])
        self._conn.execute(SET_TIME, [self.clock])
        for drain in self._drains if not at_once else ():
            drain.wake()
            while await drain.once() and all_due:
                pass
        while at_once:
            for drain in self._drains:
                drain.wake()
            if not any(await asyncio.gather(*(drain.once() for drain in self._drains))):
                break


def in_fake_time(
    database: str,
    conn: psycopg.Connection,
    embedder: Embedder,
    work: Callable[[FakeTime], Coroutine[Any, Any, T]],
    batch: int = 100,
) -> T:
    """Run something with three drains and a clock of its own."""

    async def run() -> T:
        async with workers_pool(database, 1) as pool:
            return await work(FakeTime(pool, conn, embedder, 3, batch))

    return asyncio.run(run())


def due(conn: psycopg.Connection) -> set[tuple[Any, ...]]:
    return set(conn.execute("select page_id, no, run_at from core.indexing_queue").fetchall())


def test_an_outage_of_ten_minutes_ends_without_a_dead_letter(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    """In fake time, a step every five seconds. The provider is asked by one worker at a time, and ever more rarely."""
    pages.create_page(conn, workspace, [f"text {n}" for n in range(300)])
    provider.status = 503

    async def outage(fake: FakeTime) -> tuple[int, float]:
        for _ in range(20):
            await fake.step(5)
        put_off = due(conn)
        for _ in range(100):
            await fake.step(5)
        assert len(put_off & due(conn)) >= 200, "of 301, one batch is claimed again and again, to find out"
        asked = provider.requests
        provider.status = None
        begin = fake.clock
        while queue(conn) and fake.clock < begin + 600:
            await fake.step(5)
        return asked, fake.clock - begin

    asked, seconds = in_fake_time(database, conn, embedder, outage)
    assert 5 <= asked <= 20, asked
    assert conn.execute("select count(*) from core.indexing_dead_letters").fetchone() == (0,)
    assert pages.disagreements(conn, workspace, MODEL) == [] and queue(conn) == []
    assert seconds <= 300, seconds
    attempts = conn.execute(
        "select max(attempts) from core.indexing_done where workspace_id = %s", [workspace]
    ).fetchone()
    assert attempts == (1,)


@pytest.mark.parametrize("at_once", [False, True], ids=["in turn", "at once"])
def test_what_was_saved_during_an_outage_is_indexed_oldest_first_and_fairly(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID,
    at_once: bool,
) -> None:  # fmt: skip
    """One workspace saves 300 blocks from the outage's first minute on, another 15 in its last."""
    small = pages.create_workspace(conn)
    provider.status = 503

    async def outage(fake: FakeTime) -> list[list[str]]:
        await fake.step(5)
        for number in range(120):
            if number < 100:
                pages.create_page(conn, workspace, [f"big {number * 3 + n}" for n in range(3)])
            elif number >= 115:
                pages.create_page(conn, small, [f"small {(number - 115) * 3 + n}" for n in range(3)])
            await fake.step(5, all_due=True, at_once=at_once)
        assert provider.texts == [] and len(queue(conn)) == 315
        provider.status = None
        begin = fake.clock
        while queue(conn) and fake.clock < begin + 180:
            await fake.step(5, all_due=True, at_once=at_once)
        return provider.batches

    batches = in_fake_time(database, conn, embedder, outage, batch=20)
    assert queue(conn) == []
    asked = [text for batch in batches for text in batch]
    assert len(asked) == len(set(asked)) == 315
    for name in ("big", "small"):
        ranges = [[int(text.split()[1]) for text in batch if text.startswith(name)] for batch in batches]
        # a request has its texts in any order; none has one that is older than any before, but for three under way
        order = [n for numbers in ranges for n in sorted(numbers)]
        assert sorted(order) == list(range(300 if name == "big" else 15))
        ahead = [sum(newer > n for newer in order[:at]) for at, n in enumerate(order)]
        assert max(ahead) <= (2 * 20 if at_once else 0), order
    # as many of each until the small one is through, not behind 300: half of the first request, which asks alone; the
    # rest in the next, or in one of the next three, which are under way at once and arrive in any order
    shares = [sum(text.startswith("small") for text in batch) for batch in batches]
    assert shares[0] == 10 and sum(shares[: 4 if at_once else 2]) == 15, shares
    breaker = conn.execute("select outages from core.indexing_breakers where model = %s", [MODEL]).fetchone()
    assert breaker == (0,), "the breaker closed by itself"
    done = conn.execute(
        "select count(*), max(attempts) from core.indexing_done where workspace_id = any(%s) and no > 0",
        [[workspace, small]],
    )
    assert done.fetchone() == (315, 1)


def test_when_an_outage_is_over_what_was_put_off_comes_before_newer_work(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    """Three drains are busy all the time: each one's watermark is behind it, the next whole pass seconds away."""
    provider.status, provider.headers = 503, {"retry-after": "4"}

    async def outage(fake: FakeTime) -> None:
        for name, seconds in (("old", 1), ("newer", 2), ("newest", 2.1)):
            pages.create_page(conn, workspace, [f"{name} {n}" for n in range(60)])
            provider.status = None if name == "newest" else 503
            await fake.step(seconds)

    in_fake_time(database, conn, embedder, outage, batch=20)
    texts = [text for batch in provider.batches for text in batch]
    assert texts and all(text.startswith("old") for text in texts), texts


def test_what_is_edited_again_during_an_outage_is_written_again(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    """Search reads a thousand waiting blocks live; behind those it finds what is written."""
    page = pages.create_page(conn, workspace, ["one", "two", "three"])

    def written() -> list[str]:
        rows = conn.execute("select body from core.search_entries where page_id = %s and no > 0 order by no", [page])
        return [row[0] for row in rows]

    async def outage(fake: FakeTime) -> tuple[list[str], int]:
        await fake.step(0.5)
        provider.status = 503
        pages.edit(conn, workspace, page, 1, "settling")  # it was indexed a moment ago
        pages.create_page(conn, workspace, ["another"])  # finds out
        for _ in range(10):
            await fake.step(1)
        pages.edit(conn, workspace, page, 2, "once")
        await fake.step(1)
        pages.edit(conn, workspace, page, 2, "twice")
        pages.delete_block(conn, workspace, page, 3)
        for _ in range(12):
            await fake.step(1)
        return written(), provider.requests

    texts, _ = in_fake_time(database, conn, embedder, outage)
    assert texts == ["settling", "twice"]


def test_what_is_edited_while_it_is_put_off_is_written_again(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    page = pages.create_page(conn, workspace, ["old"])
    put_out(conn, seconds=3600)

    async def work() -> None:
        async with workers_pool(database) as pool:
            lease = uuid4()
            await claims.claim(pool, 0, 100, -1, [], 100, lease, 60, None, [MODEL])
            pages.edit(conn, workspace, page, 1, "new")
            await claims.release(pool, lease, 3600)
            drain = Drain(pool, only(embedder), batch=100, lease_seconds=60, stop=asyncio.Event())
            await drain.once()

    asyncio.run(work())
    row = conn.execute("select body from core.search_entries where page_id = %s and no = 1", [page]).fetchone()
    assert row == ("new",) and provider.requests == 0

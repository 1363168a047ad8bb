"""A drain against a real database and a real provider: what becomes of good, bad and unlucky entries."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import closing
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest

from db.embedders import Embedder, Limits, OpenAIEmbedder
from db.pool import Pool, create_pool
from db.settings import Settings, as_role
from db.tests.embedding_server import DIMENSIONS, EmbeddingServer
from worker import claims
from worker.drain import WRITE_LEAST, Drain
from worker.tests import pages

T = TypeVar("T")
MODEL = "test-model"
SET_TIME = "select set_config('quire.fake_now', to_timestamp(%s)::text, false)"


@pytest.fixture
def provider() -> Iterator[EmbeddingServer]:
    with closing(EmbeddingServer()) as server:
        yield server


@pytest.fixture
def embedder(provider: EmbeddingServer) -> Iterator[OpenAIEmbedder]:
    with closing(OpenAIEmbedder(provider.url, MODEL, DIMENSIONS, timeout=5)) as embedder:
        yield embedder


@pytest.fixture
def workspace(conn: psycopg.Connection) -> UUID:
    conn.execute(
        "truncate core.indexing_queue, core.indexing_leases, core.indexing_breakers, core.indexing_dead_letters"
    )
    conn.execute("select indexing.ensure_model(%s, %s)", [MODEL, DIMENSIONS])
    return pages.create_workspace(conn)


def with_drain(
    database: str,
    embedder: Embedder,
    work: Callable[[Drain], Coroutine[Any, Any, T]],
    *,
    batch: int = 100,
    lease: float = 60,
    stop: asyncio.Event | None = None,
    limits: Limits | None = None,
) -> T:
    """Run something with a drain, as quire_worker."""

    async def run() -> T:
        pool = create_pool(as_role(database, "quire_worker"), Settings.from_env({}), min_size=1, max_size=4)
        await pool.open()
        try:
            drain = Drain(
                pool, only(embedder), batch=batch, lease_seconds=lease, stop=stop or asyncio.Event(), limits=limits
            )
            return await work(drain)
        finally:
            await pool.close()

    return asyncio.run(run())


def only(*embedders: Embedder) -> Callable[[], Awaitable[list[Embedder]]]:
    """Models in use, the active one first."""

    async def current() -> list[Embedder]:
        return list(embedders)

    return current


async def until_empty(drain: Drain) -> int:
    seen = 0
    drain.wake()
    while rows := await drain.once():
        seen += rows
    return seen


def queue(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select no, lane, attempts, lease_id is not null, last_error from core.indexing_queue order by no"
    ).fetchall()


def due(conn: psycopg.Connection) -> set[tuple[Any, ...]]:
    return set(conn.execute("select page_id, no, run_at from core.indexing_queue").fetchall())


def hurry(conn: psycopg.Connection) -> None:
    """What waits for its time is due now (lane 1 keeps the due time in seq)."""
    conn.execute(
        "update core.indexing_queue set run_at = now() - interval '1 s', seq = case lane when 1 then 1 else seq end"
    )


def test_everything_is_indexed_once(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    pages.create_page(conn, workspace, [f"text {n}" for n in range(130)], title="Title")
    assert with_drain(database, embedder, until_empty) == 131
    assert pages.disagreements(conn, workspace, MODEL) == [] and queue(conn) == []
    assert len(provider.texts) == 131 and provider.requests == 2
    done = conn.execute("select count(*), max(attempts) from core.indexing_done where workspace_id = %s", [workspace])
    assert done.fetchone() == (131, 1)


@pytest.mark.parametrize(("seconds", "shrinks"), [(0.0, False), (0.006, True)], ids=["fast", "slow"])
def test_statements_that_write_are_as_long_as_the_database_is_fast(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, workspace: UUID,
    monkeypatch: pytest.MonkeyPatch, seconds: float, shrinks: bool,
) -> None:  # fmt: skip
    """6 ms a vector: no more than the least at once."""
    sizes: list[int] = []
    write = claims.write

    async def slowed(pool: Pool, lease: UUID, todo: Sequence[claims.Vector]) -> int:
        sizes.append(len(todo))
        await asyncio.sleep(seconds * len(todo))
        return await write(pool, lease, todo)

    monkeypatch.setattr(claims, "write", slowed)
    pages.create_page(conn, workspace, [f"text {n}" for n in range(99)], title="")
    with_drain(database, embedder, until_empty, batch=50)
    assert pages.disagreements(conn, workspace, MODEL) == [] and queue(conn) == []
    sizes = [size for size in sizes if size > 1]  # the title has no vector
    assert sum(sizes) == 99 and sizes[0] == WRITE_LEAST
    assert (max(sizes) == WRITE_LEAST) == shrinks, sizes


def test_unchanged_text_is_not_embedded_again(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    page = pages.create_page(conn, workspace, ["same", ""])
    with_drain(database, embedder, until_empty)
    pages.edit(conn, workspace, page, 1, "same")
    hurry(conn)
    with_drain(database, embedder, until_empty)
    assert provider.texts == ["same"]
    assert pages.disagreements(conn, workspace, MODEL) == []


def test_a_burst_of_edits_costs_two_embeddings(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    page = pages.create_page(conn, workspace, ["edit 0"])

    async def edit_and_drain(drain: Drain) -> None:
        await drain.once()
        for number in range(1, 101):
            pages.edit(conn, workspace, page, 1, f"edit {number}")
            await drain.once()
            await asyncio.sleep(0.02)
        end = time.monotonic() + 8
        while queue(conn) and time.monotonic() < end:
            await drain.once()
            await asyncio.sleep(0.1)

    with_drain(database, embedder, edit_and_drain)
    assert provider.texts == ["edit 0", "edit 100"]
    assert pages.disagreements(conn, workspace, MODEL) == []


def test_deleted_and_emptied_blocks_leave_search(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, workspace: UUID
) -> None:
    page = pages.create_page(conn, workspace, ["one", "two", "three"])
    with_drain(database, embedder, until_empty)
    pages.delete_block(conn, workspace, page, 1)
    pages.edit(conn, workspace, page, 2, "")
    hurry(conn)
    with_drain(database, embedder, until_empty)
    assert pages.disagreements(conn, workspace, MODEL) == []
    kept = conn.execute("select no from core.block_embeddings where page_id = %s order by no", [page]).fetchall()
    assert kept == [(3,)]


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


def test_only_the_refused_text_is_charged_and_dies_after_three_attempts(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    provider.poison = "poison"
    page = pages.create_page(conn, workspace, [f"good {n}" for n in range(40)] + ["poison"])
    with_drain(database, embedder, until_empty)
    assert [row[:4] for row in queue(conn)] == [(41, 1, 1, False)]
    assert len(provider.texts) == 40
    for attempt in (2, 3):
        hurry(conn)
        with_drain(database, embedder, until_empty)
        assert [row[2] for row in queue(conn)] == [attempt] * (attempt < 3)
    dead = conn.execute("select no, attempts, error_code, error from core.indexing_dead_letters").fetchall()
    assert [row[:3] for row in dead] == [(41, 3, "embedding_refused")] and "content refused" in dead[0][3]
    # its text is found all the same, and an edit heals it
    found = conn.execute("select body from core.search_entries where page_id = %s and no = 41", [page]).fetchone()
    assert found == ("poison",)
    pages.edit(conn, workspace, page, 41, "cured")
    hurry(conn)
    with_drain(database, embedder, until_empty)
    assert pages.disagreements(conn, workspace, MODEL) == []
    assert conn.execute("select count(*) from core.indexing_dead_letters").fetchone() == (0,)


def test_a_cancelled_batch_is_given_back(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    """As the executor does with one that a stop cannot wait for: nobody is charged, nothing waits for a lease."""
    pages.create_page(conn, workspace, ["one", "two"])
    provider.stall = threading.Event()

    async def cancel(drain: Drain) -> None:
        batch = asyncio.create_task(drain.once())
        while provider.requests == 0:
            await asyncio.sleep(0.01)
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await batch

    try:
        with_drain(database, embedder, cancel, lease=3600)
    finally:
        provider.stall.set()
    assert [row[2:4] for row in queue(conn)] == [(0, False)] * 3
    assert conn.execute("select count(*) from core.indexing_leases").fetchone() == (0,)


def test_only_the_entry_that_the_database_refuses_is_charged(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, workspace: UUID
) -> None:
    conn.execute("alter table core.block_embeddings add constraint refused check (no <> 7) not valid")
    try:
        pages.create_page(conn, workspace, [f"text {n}" for n in range(40)])
        with_drain(database, embedder, until_empty)
        assert [row[:4] for row in queue(conn)] == [(7, 1, 1, False)]
        errors = conn.execute("select last_error from core.indexing_queue").fetchall()
        assert len(errors) == 1 and "23514" in errors[0][0] and "write_refused" in errors[0][0], errors
    finally:
        conn.execute("alter table core.block_embeddings drop constraint refused")
    hurry(conn)
    with_drain(database, embedder, until_empty)
    assert pages.disagreements(conn, workspace, MODEL) == []


def test_a_suspect_that_somebody_holds_does_not_hold_up_others(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, workspace: UUID
) -> None:
    pages.create_page(conn, workspace, ["one", "two"], title="")
    conn.execute("delete from core.indexing_queue where no = 0")
    conn.execute("update core.indexing_queue set lane = 1, seq = 1, priority = no * 100")

    async def once(drain: Drain) -> int:
        drain.wake()
        return await drain.once()

    with psycopg.connect(database) as holder:
        holder.execute("select from core.indexing_queue where no = 1 for update")
        assert with_drain(database, embedder, once) == 1
    assert conn.execute("select no, attempts from core.indexing_queue").fetchall() == [(1, 0)]


def test_an_edit_while_its_text_is_being_embedded_is_not_lost(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    page = pages.create_page(conn, workspace, ["old"])
    provider.stall = threading.Event()

    async def edit_in_flight(drain: Drain) -> None:
        batch = asyncio.create_task(drain.once())
        while provider.requests == 0:
            await asyncio.sleep(0.01)
        pages.edit(conn, workspace, page, 1, "new")
        assert provider.stall is not None
        provider.stall.set()
        await batch
        assert [row[:4] for row in queue(conn)] == [(1, 0, 0, False)]
        hurry(conn)
        await until_empty(drain)

    with_drain(database, embedder, edit_in_flight)
    assert provider.texts == ["old", "new"] and pages.disagreements(conn, workspace, MODEL) == []


def test_the_lease_is_renewed_while_the_provider_takes_its_time(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    pages.create_page(conn, workspace, ["slow"])
    provider.stall = threading.Event()

    async def wait_longer_than_the_lease(drain: Drain) -> None:
        batch = asyncio.create_task(drain.once())
        for _ in range(8):
            await asyncio.sleep(0.25)
            assert conn.execute("select returned, dead from indexing.sweep()").fetchone() == (0, 0)
        assert provider.stall is not None
        provider.stall.set()
        await batch

    with_drain(database, embedder, wait_longer_than_the_lease, lease=1)
    assert queue(conn) == [] and pages.disagreements(conn, workspace, MODEL) == []


def test_a_worker_that_lost_its_lease_applies_nothing(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    page = pages.create_page(conn, workspace, ["old"])
    provider.stall = threading.Event()

    async def lose_it(drain: Drain) -> None:
        batch = asyncio.create_task(drain.once())
        while provider.requests == 0:
            await asyncio.sleep(0.01)
        conn.execute("update core.indexing_leases set expires_at = now() - interval '1 s'")
        assert conn.execute("select returned from indexing.sweep()").fetchone() == (2,)
        # so that the same drain does not claim them anew at once
        conn.execute("update core.indexing_queue set run_at = now() + interval '1 hour', seq = 9e18::bigint")
        assert provider.stall is not None
        provider.stall.set()
        await batch

    with_drain(database, embedder, lose_it)
    assert conn.execute("select count(*) from core.search_entries where page_id = %s", [page]).fetchone() == (0,)
    assert [row[1:4] for row in queue(conn)] == [(1, 1, False)] * 2
    hurry(conn)
    with_drain(database, embedder, until_empty)
    assert pages.disagreements(conn, workspace, MODEL) == [] and queue(conn) == []


def test_a_stopping_worker_gives_its_batch_back(
    conn: psycopg.Connection,
    database: str,
    embedder: OpenAIEmbedder,
    provider: EmbeddingServer,
    workspace: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.embedding.STOP_GRACE", 0.1)
    pages.create_page(conn, workspace, ["text"])
    provider.stall = threading.Event()
    stop = asyncio.Event()

    async def stop_in_flight(drain: Drain) -> None:
        batch = asyncio.create_task(drain.once())
        while provider.requests == 0:
            await asyncio.sleep(0.01)
        stop.set()
        await asyncio.wait_for(batch, 3)

    with_drain(database, embedder, stop_in_flight, stop=stop)
    assert [row[:4] for row in queue(conn)] == [(1, 0, 0, False)]


def test_a_stopping_worker_begins_no_other_request_of_its_batch(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    """A batch of many requests, each within the grace, would outlast the time that a stopping worker has."""
    pages.create_page(conn, workspace, [f"text {n}" for n in range(6)])
    provider.stall = threading.Event()
    stop = asyncio.Event()

    async def stop_in_flight(drain: Drain) -> None:
        batch = asyncio.create_task(drain.once())
        while provider.requests == 0:
            await asyncio.sleep(0.01)
        stop.set()
        assert provider.stall is not None
        provider.stall.set()
        await asyncio.wait_for(batch, 3)

    with_drain(database, embedder, stop_in_flight, stop=stop, limits=Limits(inputs=1))
    assert (provider.requests, provider.texts) == (1, ["text 0"])
    # what was answered is done, the others are given back uncharged
    assert [row[:4] for row in queue(conn)] == [(no, 0, 0, False) for no in range(2, 7)]


def test_what_a_whole_pass_costs_is_its_look_and_its_first_claim(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, workspace: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both read from the start; a twentieth of the time is for both."""
    pages.create_page(conn, workspace, ["text"])
    clock, looks = 1000.0, 0
    find_ready, claim = claims.find_ready, claims.claim

    async def slow_look(*arguments: Any) -> claims.Ready:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.1)
        return await find_ready(*arguments)

    async def slow_claim(*arguments: Any) -> claims.Claimed:
        await asyncio.sleep(0.2)
        return await claim(*arguments)

    monkeypatch.setattr(claims, "find_ready", slow_look)
    monkeypatch.setattr(claims, "claim", slow_claim)

    async def looked() -> list[int]:
        nonlocal clock
        pool = create_pool(as_role(database, "quire_worker"), Settings.from_env({}), min_size=1, max_size=2)
        await pool.open()
        drain = Drain(pool, only(embedder), batch=10, lease_seconds=60, stop=asyncio.Event(), now=lambda: clock)
        counts: list[int] = []
        try:
            for seconds in (0.0, 5.9):
                clock, before = 1000.0 + seconds, looks
                await drain.once()
                counts.append(looks - before)
        finally:
            await pool.close()
        return counts

    # 0.3 s: nothing from the start for six seconds, although nothing is found in front (that would be two looks)
    assert asyncio.run(looked()) == [1, 1]


def test_imports_do_not_starve_edits_nor_edits_imports(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    pages.create_page(conn, workspace, [f"import {n}" for n in range(30)], priority=200)
    pages.create_page(conn, workspace, [f"edit {n}" for n in range(30)], priority=100)

    async def some(drain: Drain) -> None:
        for _ in range(6):
            await drain.once()

    with_drain(database, embedder, some, batch=5)
    kinds = [text.split()[0] for text in provider.texts]
    assert kinds[0] == "edit" and 15 <= kinds.count("edit") <= 25 and kinds.count("import") >= 5


def test_a_workspace_with_most_of_the_entries_gets_no_more_than_one_with_few(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID
) -> None:
    """9,000 of 10,000 entries are one workspace's and came first; 49 others have some twenty each."""
    conn.execute(
        "insert into core.indexing_queue (workspace_id, page_id, no, op, run_at, enqueued_at)"
        " select %s, gen_random_uuid(), n, 'delete', now(), now() from generate_series(1, 9000) as n",
        [workspace],
    )
    for _ in range(49):
        conn.execute(
            "insert into core.indexing_queue (workspace_id, page_id, no, op, run_at, enqueued_at)"
            " select %s, gen_random_uuid(), n, 'delete', now(), now() from generate_series(1, 20) as n",
            [pages.create_workspace(conn)],
        )

    async def some(drain: Drain) -> None:
        for _ in range(5):
            assert await drain.once() == 100

    with_drain(database, embedder, some)
    done = conn.execute(
        "select count(*) filter (where workspace_id = %s), count(*) from core.indexing_done where op = 'delete'"
        " and processed_at > now() - interval '1 minute' and no > 0",
        [workspace],
    ).fetchone()
    assert done is not None and done[0] <= 15 and done[1] >= 500, done
    with_drain(database, embedder, until_empty)
    assert queue(conn) == []


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
        pool = create_pool(as_role(database, "quire_worker"), Settings.from_env({}), min_size=1, max_size=1)
        await pool.open()
        try:
            return await work(FakeTime(pool, conn, embedder, 3, batch))
        finally:
            await pool.close()

    return asyncio.run(run())


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
    # in turn: as many of each until the small one is through, not behind 300
    assert max(at for at, text in enumerate(asked) if text.startswith("small")) < 2 * 20
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


@pytest.fixture
def shadow(conn: psycopg.Connection) -> Iterator[tuple[OpenAIEmbedder, EmbeddingServer]]:
    """Another model that is being filled, with a provider of its own."""
    with closing(EmbeddingServer()) as server, closing(OpenAIEmbedder(server.url, "shadow", DIMENSIONS)) as embedder:
        conn.execute(
            "insert into core.embedding_models (name, dimensions, state, created_at)"
            " values ('shadow', %s, 'shadow', now()) on conflict (name) do update set state = 'shadow'",
            [DIMENSIONS],
        )
        yield embedder, server
        conn.execute("delete from core.embedding_models where name = 'shadow'")


def drain_with(database: str, *embedders: Embedder) -> None:
    """Drain with several models in use, the active one first, until nothing is due."""

    async def run() -> None:
        pool = create_pool(as_role(database, "quire_worker"), Settings.from_env({}), min_size=1, max_size=4)
        await pool.open()
        try:
            await until_empty(Drain(pool, only(*embedders), batch=100, lease_seconds=60, stop=asyncio.Event()))
        finally:
            await pool.close()

    asyncio.run(run())


def vectors(conn: psycopg.Connection, page: UUID) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select no, model from core.block_embeddings where page_id = %s order by no, model", [page]
    ).fetchall()


def enqueue_missing(conn: psycopg.Connection, workspace: UUID) -> None:
    """What the shadow lacks of a workspace; other tests' pages lack it, too."""
    conn.execute("select indexing.enqueue_missing('shadow', %s, %s, 100000)", (UUID(int=0), UUID(int=0)))
    conn.execute("delete from core.indexing_queue where workspace_id <> %s", [workspace])


def test_an_edit_is_embedded_by_a_shadow_model_too_whose_outage_holds_nobody_up(
    conn: psycopg.Connection,
    database: str,
    embedder: OpenAIEmbedder,
    shadow: tuple[OpenAIEmbedder, EmbeddingServer],
    workspace: UUID,
) -> None:
    page = pages.create_page(conn, workspace, ["one", "two"])
    drain_with(database, embedder, shadow[0])
    assert vectors(conn, page) == [(no, model) for no in (1, 2) for model in ("shadow", MODEL)]
    shadow[1].status = 503
    page = pages.create_page(conn, workspace, ["three"])
    drain_with(database, embedder, shadow[0])
    assert queue(conn) == []
    assert vectors(conn, page) == [(1, MODEL)]
    opened = conn.execute("select model from core.indexing_breakers where outages > 0").fetchall()
    assert opened == [("shadow",)]


def test_what_is_there_to_be_embedded_by_a_shadow_model_waits_for_its_provider(
    conn: psycopg.Connection,
    database: str,
    embedder: OpenAIEmbedder,
    provider: EmbeddingServer,
    shadow: tuple[OpenAIEmbedder, EmbeddingServer],
    workspace: UUID,
) -> None:
    """Done at once they would be queued again at once, as often as a worker can, until the provider is back."""
    page = pages.create_page(conn, workspace, ["one", "two"])
    drain_with(database, embedder)
    enqueue_missing(conn, workspace)
    shadow[1].status, shadow[1].headers = 503, {"retry-after": "0.2"}
    drain_with(database, embedder, shadow[0])
    assert [(entry[1], entry[2]) for entry in queue(conn)] == [(0, 0)] * 2, "neither done nor charged"
    shadow[1].status = None
    time.sleep(0.5)
    drain_with(database, embedder, shadow[0])
    assert queue(conn) == [] and vectors(conn, page) == [(no, model) for no in (1, 2) for model in ("shadow", MODEL)]
    assert len(provider.texts) == 2, "the active model is not asked again"


def test_a_text_that_a_shadow_model_refuses_is_charged_alone(
    conn: psycopg.Connection,
    database: str,
    embedder: OpenAIEmbedder,
    shadow: tuple[OpenAIEmbedder, EmbeddingServer],
    workspace: UUID,
) -> None:
    page = pages.create_page(conn, workspace, ["one", "poison", "three"])
    drain_with(database, embedder)
    enqueue_missing(conn, workspace)
    shadow[1].poison = "poison"
    drain_with(database, embedder, shadow[0])
    assert [entry[0] for entry in queue(conn)] == [2]
    assert [row for row in vectors(conn, page) if row[1] == "shadow"] == [(1, "shadow"), (3, "shadow")]

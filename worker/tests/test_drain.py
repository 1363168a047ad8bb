"""A drain against a real database and a real provider: what becomes of good, bad and unlucky entries."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest

from db.embedders import Limits, OpenAIEmbedder
from db.pool import Pool
from db.tests.embedding_server import EmbeddingServer
from worker import claims
from worker.drain import WRITE_LEAST, Drain
from worker.tests import pages
from worker.tests.drains import MODEL, hurry, only, queue, until_empty, with_drain, workers_pool


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


@pytest.mark.parametrize(
    ("ready", "grace"), [(True, 0.1), (False, 60)], ids=["after the grace", "at once while a model is loaded"]
)
def test_a_stopping_worker_gives_its_batch_back(
    conn: psycopg.Connection, database: str, embedder: OpenAIEmbedder, provider: EmbeddingServer, workspace: UUID,
    monkeypatch: pytest.MonkeyPatch, ready: bool, grace: float,
) -> None:  # fmt: skip
    monkeypatch.setattr("worker.embedding.STOP_GRACE", grace)
    monkeypatch.setattr(OpenAIEmbedder, "ready", ready)
    pages.create_page(conn, workspace, ["text"])
    provider.stall = threading.Event()
    stop = asyncio.Event()

    async def stop_in_flight(drain: Drain) -> None:
        batch = asyncio.create_task(drain.once())
        while provider.requests == 0:
            await asyncio.sleep(0.01)
        stop.set()
        await asyncio.wait_for(batch, 20)

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
        counts: list[int] = []
        async with workers_pool(database) as pool:
            drain = Drain(pool, only(embedder), batch=10, lease_seconds=60, stop=asyncio.Event(), now=lambda: clock)
            for seconds in (0.0, 5.9):
                clock, before = 1000.0 + seconds, looks
                await drain.once()
                counts.append(looks - before)
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

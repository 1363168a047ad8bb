"""Draining the indexing queue: claim, embed, write, ack. No transaction is open while texts are embedded.

Whatever moment a worker is killed at, nothing is lost and nothing applied twice: claimed entries come back when their
lease runs out, writes are guarded by content version, and an ack counts only for the lease and generation it names.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID, uuid4

import psycopg

from db.embedders import Embedder, Outage, Vectors, to_text
from db.pool import Pool
from worker import claims
from worker.claims import Claimed, Failure
from worker.turns import PRIORITIES, Turns

log = logging.getLogger(__name__)
T = TypeVar("T")

FOUND_ROWS = 5_000  # looked through for new workspaces, once a second
FOUND_WORKSPACES = 1_000
WRITE_VECTORS = 20  # an HNSW index takes 2-3 ms a vector: short statements
WRITE_ROWS = 200  # entries without a vector
EMBED_CHARACTERS = 8000  # of one text; providers refuse more than about 8,000 tokens
REQUEST_CHARACTERS = 200_000  # of one request
STOP_GRACE = 3.0  # seconds that a stopping worker gives a provider to answer

Vector = tuple[int, str | None, str | None]  # place, model, vector as text


@dataclass
class Outcome:
    """What became of a batch's texts.

    Attributes:
        vectors: by place.
        failures: entries to be charged.
        outage: seconds to wait for the provider; None: it is well.
    """

    vectors: dict[int, str] = field(default_factory=dict[int, str])
    failures: list[Failure] = field(default_factory=list[Failure])
    outage: float | None = None


class Drain:
    """One drainer: one batch at a time. Several run beside each other, in one process or many."""

    def __init__(
        self,
        pool: Pool,
        embedder: Embedder,
        *,
        batch: int,
        lease_seconds: float,
        stop: asyncio.Event,
        worker: UUID | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Describe a drainer. Keep it: it remembers how far it has got.

        Args:
            pool: connections as quire_worker.
            embedder: makes the vectors; called in a thread.
            batch: most entries of a claim.
            lease_seconds: after which a lost drainer's entries come back; renewed while it lives.
            stop: set when the worker is to stop.
            worker: which process holds the leases, for operators.
            now: a clock in seconds.
        """
        self._pool, self._embedder, self._stop, self._worker = pool, embedder, stop, worker
        self._batch, self._lease_seconds = batch, lease_seconds
        self._turns = Turns(now)

    def wake(self) -> None:
        """A job begins: there may be work where there was none."""
        self._turns.wake()

    async def once(self) -> int:
        """Claim and process a batch of fresh entries and one suspect, where there are any; entries seen.

        Raises:
            psycopg.Error: the database does not answer; what was claimed comes back by itself.
        """
        if self._turns.whole_is_due(idle=False):
            self._turns.restart()
        fresh = self._turns.fresh
        seen = await self._pass()
        if not seen and not fresh and self._turns.whole_is_due(idle=True):
            self._turns.restart()
            seen = await self._pass()
        return seen

    async def _pass(self) -> int:
        begin, fresh = time.monotonic(), self._turns.fresh
        refresh = self._turns.refresh_is_due()
        for priority in self._turns.in_order() if fresh or refresh else ():
            ranges = self._turns.ranges[priority]
            found = await claims.find_workspaces(
                self._pool,
                priority,
                *((None, FOUND_WORKSPACES) if fresh else (max(ranges.found, ranges.after), FOUND_ROWS)),
            )
            self._turns.found(priority, *found)
        seen = 0
        for priority, after in self._turns.second_look():
            seen += await self._serve(0, priority, after, self._batch)
        passed: list[int] = []
        for priority in self._turns.in_order():
            asked = self._turns.next_workspaces(priority)
            lease = uuid4()
            claimed = await self._claim(lease, 0, priority, self._turns.ranges[priority].after, asked, self._batch)
            self._turns.claimed(
                *(priority, self._batch, asked, claimed.rows, claimed.seq),
                *(claimed.workspace_rows, claimed.workspace_seqs),
            )
            if fresh:
                self._turns.passed_whole(time.monotonic() - begin)
            if claimed.rows:
                self._turns.served(priority, passed)
                seen += claimed.rows
                await self._process(lease, claimed)
                break
            passed.append(priority)
        return seen + await self._try_a_suspect()

    async def _try_a_suspect(self) -> int:
        if not self._turns.suspects_are_due():
            return 0
        for priority in PRIORITIES:
            if await self._serve(1, priority, -1, 1):
                return 1
        self._turns.no_suspects()
        return 0

    async def _claim(
        self, lease: UUID, lane: int, priority: int, after: int, workspaces: list[tuple[UUID, int]], limit: int
    ) -> Claimed:
        return await claims.claim(
            *(self._pool, lane, priority, after, workspaces, limit, lease, self._lease_seconds),
            *(self._worker, [self._embedder.name]),
        )

    async def _serve(self, lane: int, priority: int, after: int, limit: int) -> int:
        """Claim whoever is first and process; entries seen."""
        lease = uuid4()
        claimed = await self._claim(lease, lane, priority, after, [], limit)
        if claimed.rows:
            await self._process(lease, claimed)
        return claimed.rows

    async def _process(self, lease: UUID, claimed: Claimed) -> None:
        begin = time.monotonic()
        async with self._renewing(lease):
            outcome = await self._embed(claimed)
            refused = await self._write_all(lease, claimed.stale or (), outcome)
            done = again = retried = dead = released = 0
            wanted = set(claimed.places or ())
            ready = [
                place
                for place in range(1, claimed.rows + 1)
                if place not in refused and (place in outcome.vectors or place not in wanted)
            ]
            whole = len(ready) == claimed.rows
            if ready:
                done, again = await claims.ack(self._pool, lease, self._embedder.name, None if whole else ready)
            if outcome.failures:
                retried, dead = await claims.fail(self._pool, lease, outcome.failures)
            if not whole:
                # what waits for the provider; and the lease itself
                released = await claims.release(self._pool, lease, outcome.outage or 0.0)
        log.log(
            logging.WARNING if dead or outcome.outage is not None else logging.DEBUG,
            "batch",
            extra={
                "rows": claimed.rows, "embedded": len(outcome.vectors), "done": done, "again": again,
                "retried": retried, "dead": dead, "released": released, "seconds": round(time.monotonic() - begin, 3),
            },
        )  # fmt: skip

    async def _embed(self, claimed: Claimed) -> Outcome:
        """Vectors of those that need one, in requests of bounded size; stops asking at an outage or when stopped."""
        outcome = Outcome()
        if not claimed.places:
            return outcome
        wait = claimed.waits[0] if claimed.waits else None
        if wait:
            outcome.outage = wait
            return outcome
        request: list[tuple[int, str]] = []
        size = 0
        for place, body in zip(claimed.places, claimed.bodies or (), strict=True):
            text = body[:EMBED_CHARACTERS]
            if request and size + len(text) > REQUEST_CHARACTERS:
                await self._ask(request, outcome, probe=wait is not None)
                request, size = [], 0
            request.append((place, text))
            size += len(text)
        await self._ask(request, outcome, probe=wait is not None)
        if wait is not None and outcome.outage is None:
            await claims.close_breaker(self._pool, self._embedder.name)
        return outcome

    async def _ask(self, request: list[tuple[int, str]], outcome: Outcome, *, probe: bool) -> None:
        """One request; when it is refused, its halves, down to the entries that are to blame."""
        if outcome.outage is not None:
            return
        try:
            vectors = await self._embed_or_stop([text for _, text in request])
        except Outage as error:
            outcome.outage = await claims.open_breaker(
                self._pool, self._embedder.name, error.retry_after, probe, str(error)
            )
            log.warning(
                "embedding provider out", extra={"reason": str(error), "wait_seconds": round(outcome.outage, 1)}
            )
        except Exception as error:
            if len(request) > 1:
                middle = len(request) // 2
                await self._ask(request[:middle], outcome, probe=probe)
                await self._ask(request[middle:], outcome, probe=probe)
            else:
                outcome.failures.append(Failure(request[0][0], "embedding_refused", f"{type(error).__name__}: {error}"))
        else:
            if vectors is None:
                outcome.outage = 0.0
                return
            for (place, _), vector in zip(request, vectors, strict=True):
                outcome.vectors[place] = to_text(vector)

    async def _embed_or_stop(self, texts: Sequence[str]) -> Vectors | None:
        """The vectors; None when the worker is to stop and they do not come in time."""
        embedding = asyncio.ensure_future(in_thread(lambda: self._embedder.embed(texts)))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({embedding, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not embedding.done():
                await asyncio.wait({embedding}, timeout=STOP_GRACE)
            return await embedding if embedding.done() else None
        finally:
            stopping.cancel()
            embedding.cancel()

    async def _write_all(self, lease: UUID, stale: Sequence[int], outcome: Outcome) -> set[int]:
        """Write the batch's entries in short statements; the places of those that the database refused.

        A text without its vector is written all the same: full text goes on without the provider.
        """
        refused: set[int] = set()
        plain: list[Vector] = [(place, None, None) for place in stale if place not in outcome.vectors]
        vectors: list[Vector] = [(place, self._embedder.name, text) for place, text in outcome.vectors.items()]
        for todo, size in ((plain, WRITE_ROWS), (vectors, WRITE_VECTORS)):
            for start in range(0, len(todo), size):
                refused |= await self._write(lease, todo[start : start + size], outcome.failures)
        return refused

    async def _write(self, lease: UUID, todo: Sequence[Vector], failures: list[Failure]) -> set[int]:
        """Write a chunk; when the database refuses an entry of it, find out which. Returns those that it refused."""
        try:
            await claims.write(self._pool, lease, todo)
        except psycopg.Error as error:
            if claims.is_transient(error.sqlstate):
                raise
            if len(todo) > 1:
                middle = len(todo) // 2
                first = await self._write(lease, todo[:middle], failures)
                return first | await self._write(lease, todo[middle:], failures)
            place = todo[0][0]
            if all(failure.place != place for failure in failures):
                failures.append(Failure(place, "write_refused", f"{error.sqlstate}: {error}"))
            return {place}
        return set()

    @contextlib.asynccontextmanager
    async def _renewing(self, lease: UUID) -> AsyncGenerator[None]:
        """Keeps the lease while the batch is worked on; a missed renewal is made up by the next."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(self._lease_seconds / 3)
                with contextlib.suppress(psycopg.Error):
                    await claims.renew(self._pool, lease, self._lease_seconds)

        task = asyncio.create_task(renew())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def in_thread(function: Callable[[], T]) -> T:
    """A blocking call in a thread of its own that does not keep the process from ending, unlike an executor's."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)  # pyright: ignore[reportArgumentType]

    def run() -> None:
        value: T | None = None
        error: BaseException | None = None
        try:
            value = function()
        except Exception as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="embed", daemon=True).start()
    return await future

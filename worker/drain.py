"""Draining the indexing queue: claim, embed, write, ack. No transaction is open while texts are embedded.

Whatever moment a worker is killed at, nothing is lost and nothing applied twice: claimed rows come back when their
lease runs out, writes are guarded by content version, and an ack counts only for the lease and generation it names.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import psycopg

from db.embedders import Embedder, Limits, Vectors, ask, to_text
from db.pool import Pool
from worker import claims
from worker.breaker import Breaker
from worker.claims import Entry, Failure
from worker.embedding import NotAsked, embed_or_stop

log = logging.getLogger(__name__)

# Priority classes (lowest, highest priority) and how often each is served when all have work: imports cannot starve
# edits, nor edits imports for ever.
CLASSES: tuple[tuple[int, int, int], ...] = ((0, 99, 8), (100, 199, 4), (200, 299, 2), (300, 32767, 1))
WATERMARK_SECONDS = 1.0  # then the whole range is looked at again: released rows, and saves that committed late
WRITE_ROWS = 20  # an HNSW index takes 2-3 ms a vector: short statements


@dataclass
class Outcome:
    """What became of a batch's texts."""

    vectors: dict[int, str] = field(default_factory=dict[int, str])  # by place in the batch
    failures: list[Failure] = field(default_factory=list[Failure])
    outage: float | None = None  # seconds to wait; None: the provider is well


class Drain:
    """One drainer: one claim at a time. Several run beside each other, in one process or many."""

    def __init__(
        self,
        pool: Pool,
        embedder: Embedder,
        breaker: Breaker,
        *,
        batch: int,
        lease_seconds: float,
        stop: asyncio.Event,
        limits: Limits | None = None,
    ) -> None:
        """Describe a drainer.

        Args:
            pool: connections as quire_worker.
            embedder: makes the vectors; called in a thread.
            breaker: shared by the drains of this process.
            batch: most rows of a claim.
            lease_seconds: after which a lost drainer's rows come back; renewed while it lives.
            stop: set when the worker is to stop.
            limits: of a request to the embedder.
        """
        self._limits = limits or Limits()
        self._pool, self._embedder, self._breaker, self._stop = pool, embedder, breaker, stop
        self._batch, self._lease_seconds = batch, lease_seconds
        self._turns = [0.0] * len(CLASSES)  # stride scheduling: who has had least for its weight is next
        self._reset_watermarks()

    def _reset_watermarks(self) -> None:
        self._watermarks: dict[tuple[int, int], tuple[int, int]] = {}
        self._empty: set[tuple[int, int]] = set()
        self._reset_at = time.monotonic() + WATERMARK_SECONDS

    async def once(self) -> int:
        """Claim and process a batch of fresh entries and one suspect, where there are any; rows seen.

        Raises:
            psycopg.Error: the database does not answer; what was claimed comes back by itself.
        """
        fresh = not self._watermarks and not self._empty
        if time.monotonic() >= self._reset_at:
            fresh = True
            self._reset_watermarks()
        seen = await self._pass()
        if not seen and not fresh:
            # Nothing more in front of the watermarks; what was given back meanwhile is behind them.
            self._reset_watermarks()
            seen = await self._pass()
        return seen

    async def _pass(self) -> int:
        seen = 0
        for lane, limit in ((0, self._batch), (1, 1)):
            lease = uuid4()
            passed: list[int] = []
            for number in sorted(range(len(CLASSES)), key=self._turns.__getitem__):
                entries = await self._claim(lane, number, limit, lease)
                if entries:
                    self._turns[number] += 1 / CLASSES[number][2]
                    for empty in passed:  # saves up no turns while it has no work
                        self._turns[empty] = self._turns[number]
                    seen += len(entries)
                    await self._process(lease, entries)
                    break
                passed.append(number)
        return seen

    async def _claim(self, lane: int, number: int, limit: int, lease: UUID) -> list[Entry]:
        key = lane, number
        if key in self._empty:
            return []
        low, high, _ = CLASSES[number]
        entries = await claims.claim(
            *(self._pool, lane, low, high, self._watermarks.get(key, (low, -1)), limit, lease),
            *(self._lease_seconds, self._embedder.name),
        )
        if len(entries) < limit:
            self._empty.add(key)
        if entries:
            self._watermarks[key] = entries[-1].priority, entries[-1].seq
        return entries

    async def _process(self, lease: UUID, entries: list[Entry]) -> None:
        begin = time.monotonic()
        async with self._renewing(lease):
            outcome = await self._embed(entries)
            written: list[Entry] = []
            # A text without its vector is written all the same: full text goes on without the provider.
            todo = [(entry, outcome.vectors.get(place)) for place, entry in enumerate(entries)]
            for start in range(0, len(todo), WRITE_ROWS):
                written += await self._write(lease, todo[start : start + WRITE_ROWS], outcome.failures)
        ready = {entry for entry, vector in todo if vector is not None or not entry.embed_needed}
        finished = [entry for entry in written if entry in ready]
        done, again = await claims.ack(self._pool, lease, self._embedder.name, finished) if finished else (0, 0)
        retried, dead = await claims.fail(self._pool, lease, outcome.failures) if outcome.failures else (0, 0)
        released = 0
        if done + again + retried + dead < len(entries):
            # Waiting for the provider; or an ack or a failure of a row whose lease was lost, and then there is no more.
            released = await claims.release(self._pool, lease, outcome.outage or 0.0)
        log.log(
            logging.WARNING if dead or outcome.outage is not None else logging.DEBUG,
            "batch",
            extra={
                "rows": len(entries), "embedded": len(outcome.vectors), "done": done, "again": again,
                "retried": retried, "dead": dead, "released": released, "seconds": round(time.monotonic() - begin, 3),
            },
        )  # fmt: skip

    async def _embed(self, entries: Sequence[Entry]) -> Outcome:
        """Vectors of those that need one; stops asking at an outage or when the worker is to stop."""
        outcome = Outcome()
        places = [place for place, entry in enumerate(entries) if entry.embed_needed]
        answers = await ask([entries[place].body for place in places], self._send, self._limits)
        outcome.vectors = {places[number]: to_text(vector) for number, vector in answers.vectors.items()}
        outcome.failures = [
            Failure(entries[places[number]], "embedding_refused", reason) for number, reason in answers.refused.items()
        ]
        if isinstance(answers.outage, NotAsked):
            outcome.outage = answers.outage.retry_after
        elif answers.outage is not None:
            outcome.outage = self._breaker.opened(answers.outage.retry_after)
            log.warning(
                "embedding provider out",
                extra={"reason": str(answers.outage), "wait_seconds": round(outcome.outage, 1)},
            )
        elif answers.requests:
            self._breaker.closed()
        return outcome

    async def _send(self, texts: Sequence[str]) -> Vectors:
        if self._breaker.remaining:
            raise NotAsked("the breaker is open", self._breaker.remaining)
        return await embed_or_stop(self._embedder, texts, self._stop)

    async def _write(
        self, lease: UUID, todo: Sequence[tuple[Entry, str | None]], failures: list[Failure]
    ) -> list[Entry]:
        """Write a chunk; when the database refuses a row of it, find out which. Returns what was written."""
        entries = [entry for entry, _ in todo]
        try:
            await claims.write(self._pool, lease, self._embedder.name, entries, [vector for _, vector in todo])
        except psycopg.Error as error:
            if claims.is_transient(error.sqlstate):
                raise
            if len(todo) == 1:
                if all(failure.entry is not entries[0] for failure in failures):
                    failures.append(Failure(entries[0], "write_refused", f"{error.sqlstate}: {error}"))
                return []
            middle = len(todo) // 2
            first = await self._write(lease, todo[:middle], failures)
            return first + await self._write(lease, todo[middle:], failures)
        return entries

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

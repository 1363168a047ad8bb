"""Draining the indexing queue: claim, embed, write, ack. No transaction is open while texts are embedded.

Whatever moment a worker is killed at, nothing is lost and nothing applied twice: claimed entries come back when their
lease runs out, writes are guarded by content version, and an ack counts only for the lease and generation it names.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import psycopg
from psycopg_pool import PoolTimeout

from db.embedders import Embedder, Limits, ask, to_text
from db.pool import Pool
from worker import claims
from worker.claims import Claimed, Failure, Vector
from worker.embedding import NotAsked, embed_or_stop
from worker.turns import REEMBED, Turns

log = logging.getLogger(__name__)

FOUND_ROWS = 5_000  # looked through for new workspaces, once a second
FOUND_WORKSPACES = 1_000
# Of a statement that writes. A fresh vector takes a third of a millisecond, with too many fresh ones an HNSW index two
# or three: statements are kept short by what the last one took.
WRITE_SECONDS = 0.1
WRITE_LEAST, WRITE_MOST = 20, 200
RELEASE_SECONDS = 1.0  # that a cancelled batch takes to be given back; then its lease has to run out

Current = Callable[[], Awaitable[Sequence[Embedder]]]  # models in use: the active one first, then a shadow


@dataclass
class Outcome:
    """What became of a batch's texts.

    Attributes:
        vectors: of all models.
        ready: places that the models that decide have nothing left to do for.
        failures: entries to be charged.
        outage: seconds to wait for the provider of a model that decides; None: all is well.
    """

    vectors: list[Vector] = field(default_factory=list[Vector])
    ready: set[int] = field(default_factory=set[int])
    failures: list[Failure] = field(default_factory=list[Failure])
    outage: float | None = None


class Drain:
    """One drainer: one batch at a time. Several run beside each other, in one process or many."""

    def __init__(
        self,
        pool: Pool,
        current: Current,
        *,
        batch: int,
        lease_seconds: float,
        stop: asyncio.Event,
        limits: Limits | None = None,
        worker: UUID | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Describe a drainer. Keep it: it remembers how far it has got.

        Args:
            pool: connections as quire_worker.
            current: tells the models in use before each claim; their embedders are called in a thread.
            batch: most entries of a claim.
            lease_seconds: after which a lost drainer's entries come back; renewed while it lives.
            stop: set when the worker is to stop.
            limits: of a request to an embedder.
            worker: which process holds the leases, for operators.
            now: a clock in seconds.
        """
        self._pool, self._current, self._stop, self._worker = pool, current, stop, worker
        self._batch, self._lease_seconds = batch, lease_seconds
        self._limits = limits or Limits()
        self._embedders: Sequence[Embedder] = ()
        self._turns = Turns(now)
        self._write_rows = WRITE_LEAST

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
        self._embedders = await self._current()
        seen = await self._pass()
        if not seen and not fresh and self._turns.whole_is_due(idle=True):
            self._turns.restart()
            seen = await self._pass()
        return seen

    async def _pass(self) -> int:
        begin, refresh = time.monotonic(), self._turns.refresh_is_due()
        if self._turns.look_is_due():
            await self._look()
        if self._turns.recovered:
            self._turns.restart()
            await self._look()
        fresh = self._turns.fresh
        for priority in self._turns.in_order() if fresh or refresh else ():
            ranges = self._turns.ranges[priority]
            found = await claims.find_workspaces(
                self._pool,
                priority,
                *((None, FOUND_WORKSPACES) if fresh else (max(ranges.found, ranges.after), FOUND_ROWS)),
            )
            self._turns.found(priority, *found)
        if fresh and not self._turns.in_order():
            self._turns.passed_whole(time.monotonic() - begin)
        seen = 0
        for priority, after in self._turns.second_look():
            seen += await self._serve(0, priority, after, self._batch)
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
                self._turns.served(priority)
                seen += claimed.rows
                await self._process(lease, claimed, priority)
                break
        return seen + await self._try_a_suspect()

    async def _look(self) -> None:
        models = [embedder.name for embedder in self._embedders]
        self._turns.looked(await claims.find_ready(self._pool, self._turns.watermarks(), models))

    async def _try_a_suspect(self) -> int:
        while self._turns.suspects:
            if await self._serve(1, self._turns.suspects[0], -1, 1):
                return 1
            del self._turns.suspects[0]
        return 0

    async def _claim(
        self, lease: UUID, lane: int, priority: int, after: int, workspaces: list[tuple[UUID, int]], limit: int
    ) -> Claimed:
        return await claims.claim(
            *(self._pool, lane, priority, after, workspaces, limit, lease, self._lease_seconds),
            *(self._worker, [embedder.name for embedder in self._embedders]),
        )

    async def _serve(self, lane: int, priority: int, after: int, limit: int) -> int:
        """Claim whoever is first and process; entries seen."""
        lease = uuid4()
        claimed = await self._claim(lease, lane, priority, after, [], limit)
        if claimed.rows:
            await self._process(lease, claimed, priority)
        return claimed.rows

    async def _process(self, lease: UUID, claimed: Claimed, priority: int) -> None:
        """Work on a claimed batch. When it is cancelled (a stop that takes too long), it is given back."""
        try:
            await self._work(lease, claimed, priority)
        except asyncio.CancelledError:
            with contextlib.suppress(psycopg.Error, PoolTimeout, TimeoutError):
                await asyncio.wait_for(claims.release(self._pool, lease, 0.0), RELEASE_SECONDS)
            raise

    async def _work(self, lease: UUID, claimed: Claimed, priority: int) -> None:
        begin = time.monotonic()
        async with self._renewing(lease):
            outcome = await self._embed(claimed, len(self._embedders) if priority == REEMBED else 1)
            refused = await self._write_all(lease, claimed.stale or (), outcome)
            done = again = retried = dead = released = 0
            ready = sorted(outcome.ready - refused)
            whole = len(ready) == claimed.rows
            if ready:
                done, again = await claims.ack(self._pool, lease, self._embedders[0].name, None if whole else ready)
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

    async def _embed(self, claimed: Claimed, deciding: int) -> Outcome:
        """Vectors of those that need one, model by model.

        Args:
            claimed: the batch.
            deciding: so many of the models decide about its entries. An edit is done with the active one's vector, the
                first: a shadow whose provider is out holds nobody up. What is there to be embedded by the shadow waits
                for it, and is charged when that refuses it.
        """
        outcome = Outcome(ready=set(range(1, claimed.rows + 1)))
        failures: dict[int, Failure] = {}
        wanted = list(zip(claimed.places or (), claimed.models or (), claimed.bodies or (), strict=True))
        for number, embedder in enumerate(self._embedders):
            texts = [(place, body) for place, model, body in wanted if model == embedder.name]
            if not texts:
                continue
            wait = claimed.waits[number] if claimed.waits else None
            vectors, refused, outage = await self._ask(embedder, [body for _, body in texts], wait)
            outcome.vectors += [(texts[at][0], embedder.name, vector) for at, vector in vectors.items()]
            if number < deciding:
                outcome.ready -= {place for at, (place, _) in enumerate(texts) if at not in vectors}
                for at, reason in refused.items():
                    failures.setdefault(texts[at][0], Failure(texts[at][0], "embedding_refused", reason))
                if outage is not None:
                    outcome.outage = max(outage, outcome.outage or 0.0)
        outcome.failures = list(failures.values())
        return outcome

    async def _ask(
        self, embedder: Embedder, texts: Sequence[str], wait: float | None
    ) -> tuple[dict[int, str], dict[int, str], float | None]:
        """Vectors, reasons why texts are refused, and the seconds of an outage; the breaker hears of it.

        Args:
            embedder: of one model.
            texts: to embed.
            wait: see Claimed.waits.
        """
        if wait:
            return {}, {}, wait
        answers = await ask(texts, lambda some: embed_or_stop(embedder, some, self._stop), self._limits)
        outage: float | None = None
        if isinstance(answers.outage, NotAsked):
            outage = answers.outage.retry_after
        elif answers.outage is not None:
            outage = await claims.open_breaker(
                *(self._pool, embedder.name, answers.outage.retry_after, wait is not None, str(answers.outage))
            )
            log.warning(
                "embedding provider out",
                extra={"model": embedder.name, "reason": str(answers.outage), "wait_seconds": round(outage, 1)},
            )
        elif wait is not None:
            await claims.close_breaker(self._pool, embedder.name)
        return {at: to_text(vector) for at, vector in answers.vectors.items()}, answers.refused, outage

    async def _write_all(self, lease: UUID, stale: Sequence[int], outcome: Outcome) -> set[int]:
        """Write the batch's entries in short statements; the places of those that the database refused.

        A text without its vector is written all the same: full text goes on without the provider.
        """
        refused: set[int] = set()
        embedded = {place for place, _, _ in outcome.vectors}
        plain: list[Vector] = [(place, None, None) for place in stale if place not in embedded]
        for start in range(0, len(plain), WRITE_MOST):
            refused |= await self._write(lease, plain[start : start + WRITE_MOST], outcome.failures)
        start = 0
        while chunk := outcome.vectors[start : start + self._write_rows]:
            begin = time.monotonic()
            refused |= await self._write(lease, chunk, outcome.failures)
            each = (time.monotonic() - begin) / len(chunk)
            self._write_rows = min(max(int(WRITE_SECONDS / each), WRITE_LEAST), WRITE_MOST)
            start += len(chunk)
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

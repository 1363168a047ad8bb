"""Quire's own drains, in a process: the job `index_drain` of worker/tasks.py, called as its executor calls it.

    python -m bench.queue.ours CONNINFO CONCURRENCY MODEL [batches=N|seconds=N]

Drains until nothing is due; or until N batches were claimed; or for N seconds, waiting for more when there is nothing.

The embedder costs nothing: vectors are taken from a stock. The one file of the benches that knows the worker's code;
its settings come from the environment (QUIRE_INDEX_BATCH).
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.queue.child import Lap
from db.embedders import Vectors
from db.pool import create_pool
from db.settings import Settings, as_role
from worker import claims, tasks
from worker.context import Context

DIMENSIONS = 384
STOCK = 4096


class NoEmbedder:
    """Unit vectors out of a stock, no work at all."""

    dimensions = DIMENSIONS
    remote = False
    ready = True

    def __init__(self, name: str) -> None:
        self.name = name
        stock = np.random.default_rng(1).standard_normal((STOCK, DIMENSIONS)).astype(np.float32)
        self._stock = stock / np.linalg.norm(stock, axis=1, keepdims=True)
        self._next = 0

    def prepare(self) -> None:
        """Nothing to load."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The next vectors."""
        places = (np.arange(len(texts)) + self._next) % STOCK
        self._next += len(texts)
        return self._stock[places]

    def close(self) -> None:
        """Nothing to close."""


def only(embedder: NoEmbedder) -> Any:
    """What db.embedders.Models.current is: the models in use."""

    async def current() -> list[NoEmbedder]:
        return [embedder]

    return current


class Job:
    """What the drain asks of procrastinate's JobContext."""

    def should_abort(self) -> bool:
        """Never."""
        return False


async def drain(conninfo: str, concurrency: int, model: str, batches: int = 0, seconds: float = 0) -> None:
    """Drain, `concurrency` drains at once; prints what race.py reads."""
    settings = replace(Settings.from_env({"DATABASE_URL": conninfo, **_given()}), pool_max_waiting=10_000)
    pool = create_pool(
        as_role(conninfo, "quire_worker"), settings, min_size=concurrency, max_size=concurrency + 3, name="bench-drain"
    )
    await pool.open(wait=True)
    context = Context(settings, pool, concurrency)
    context.models.current = only(NoEmbedder(model))
    app: Any = tasks.create_indexing_app(context)
    job = app.tasks["index_drain"]
    lap = Lap()
    ack: Any = claims.ack
    claim: Any = claims.claim
    claimed = 0

    async def timed(*args: Any, **kwargs: Any) -> Any:
        nonlocal claimed
        began = time.perf_counter()
        answer = await claim(*args, **kwargs)
        if answer.rows:
            lap.note("claims", (time.perf_counter() - began) * 1000)
            claimed += 1
            if claimed == batches:
                context.stop.set()
        return answer

    async def counted(*args: Any, **kwargs: Any) -> Any:
        answer = await ack(*args, **kwargs)
        lap.done(answer[0])
        lap.note("acks", answer[0])
        return answer

    async def slot(number: int) -> None:
        if seconds:
            while not context.stop.is_set():
                await job.func(Job(), number)
                await asyncio.sleep(0.01)
            return
        while (
            not context.stop.is_set()
            and (ready := await context.call("select ready from indexing.count_ready(1)"))
            and ready[0]
        ):
            await job.func(Job(), number)  # ends when it finds nothing, or after 25 s

    claims.ack, claims.claim = counted, timed
    lap.begin()
    if seconds:
        asyncio.get_running_loop().call_later(seconds, context.stop.set)
    await asyncio.gather(*(slot(number) for number in range(concurrency)))
    lap.end()
    await pool.close()


def _given() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("QUIRE_INDEX_")}


if __name__ == "__main__":
    given = dict(argument.split("=") for argument in sys.argv[4:])
    asyncio.run(
        drain(
            *(sys.argv[1], int(sys.argv[2]), sys.argv[3]),
            *(int(given.get("batches", 0)), float(given.get("seconds", 0))),
        )
    )

"""A worker that ends itself by kill -9 at a step of its work: python -m worker.tests.mortal_worker STEP OCCURRENCE.

The real worker/main.py with its calls of schema `indexing` and its embedder wrapped. Only batches of fresh entries
count: one that is tried alone, because a worker died with it before, would be a dead letter the third time.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Sequence
from typing import Any

from db.embedders import HashingEmbedder, Vectors
from worker import claims, main

STEPS = ("after_claim", "in_embedding", "after_write", "before_ack", "in_ack", "after_ack", "before_claim")


class Failpoint:
    """Counts the occurrences of a step while a fresh batch is worked on; ends the process at the one that is meant."""

    def __init__(self, step: str, occurrence: int) -> None:
        assert step in STEPS, step
        self._step, self._left = step, occurrence
        self.fresh = False  # what was claimed last

    def due(self, step: str) -> bool:
        """Whether this is the step at which to die."""
        if step != self._step or not self.fresh:
            return False
        self._left -= 1
        return self._left <= 0

    def reach(self, step: str) -> None:
        """Die here, if it is the one."""
        if self.due(step):
            os.kill(os.getpid(), signal.SIGKILL)


def arm(point: Failpoint) -> None:
    """Wrap what a batch goes through."""
    claim, write, ack = claims.claim, claims.write, claims.ack

    async def mortal_claim(pool: Any, lane: int, *rest: Any, **named: Any) -> Any:
        point.reach("before_claim")
        point.fresh = False
        claimed = await claim(pool, lane, *rest, **named)
        point.fresh = lane == 0
        if claimed.rows:
            point.reach("after_claim")
        return claimed

    async def mortal_write(*given: Any, **named: Any) -> Any:
        written = await write(*given, **named)
        point.reach("after_write")
        return written

    async def mortal_ack(*given: Any, **named: Any) -> Any:
        point.reach("before_ack")
        if point.due("in_ack"):
            asyncio.get_running_loop().call_later(random.uniform(0, 0.003), os.kill, os.getpid(), signal.SIGKILL)
        acked = await ack(*given, **named)
        point.reach("after_ack")
        return acked

    claims.claim, claims.write, claims.ack = mortal_claim, mortal_write, mortal_ack  # pyright: ignore

    embed = HashingEmbedder.embed

    def mortal_embed(self: HashingEmbedder, texts: Sequence[str]) -> Vectors:
        point.reach("in_embedding")
        return embed(self, texts)

    HashingEmbedder.embed = mortal_embed


if __name__ == "__main__":
    arm(Failpoint(sys.argv[1], int(sys.argv[2])))
    sys.exit(main.main(sys.argv[3:]))

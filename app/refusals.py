"""What a process remembers of refusals, so that a client that goes on against its block costs the database nothing.

A refusal is remembered for two seconds at most and never beyond the end of its block: an operator's unblock, a changed
policy or a revoked token counts that soon, in every process.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace

from app.calls import Admission

KEPT_SECONDS = 2.0


class Refusals:
    """Blocked keys, the least recently asked for forgotten first. For one event loop."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: most: keys kept, 0 for none; clock: monotonic seconds."""
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, float, Admission]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Hashable) -> Admission | None:
        """The refusal of a key that is surely still in its block, its seconds reckoned to now; else None."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        told, until, admission = kept
        now = self._clock()
        if now >= until:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        assert admission.retry_after is not None
        # Rounded up from a number that was rounded up: late by a second at most, never too early.
        wait = max(1, math.ceil(admission.retry_after - (now - told)))
        return replace(admission, retry_after=wait, reset_seconds=wait)

    def keep(self, key: Hashable, asked: float, admission: Admission) -> None:
        """Remember an answer of the database, if it is a block.

        Args:
            key: who asked for what.
            asked: the clock when the database was asked, so before it answered.
            admission: its answer. ``limited`` without a block may end sooner for a cheaper request: not kept.
        """
        if admission.decision != "blocked" or admission.retry_after is None or self._most == 0:
            return
        # Whole seconds were rounded up: the block may end up to a second before retry_after is over.
        until = asked + min(admission.retry_after - 1, KEPT_SECONDS)
        now = self._clock()
        if until <= now:
            return
        self._kept[key] = (now, until, admission)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

"""A number of callers that ask a limiter for some seconds; shared by the programs in this folder that are Python.

Imports nothing of Quire's: the environment of the others has none of it.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable

Decide = Callable[[int, int], Awaitable[bool]]
"""Whether caller number c lets a hit of key number k in."""


async def lap(callers: int, keys: int, seconds: float, decide: Decide) -> None:
    """Says ready, waits for the start, asks, prints what came of it as bench/queue/race.py wants it."""
    for caller in range(callers):  # connections, scripts and plans are there
        await decide(caller, caller % keys)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    took: list[float] = []
    admitted = 0
    begin = time.perf_counter()
    end = begin + seconds

    async def call(caller: int) -> None:
        nonlocal admitted
        chance = random.Random(caller)
        while (start := time.perf_counter()) < end:
            let_in = await decide(caller, chance.randrange(keys))
            admitted += let_in
            took.append(time.perf_counter() - start)

    await asyncio.gather(*(call(caller) for caller in range(callers)))
    passed = time.perf_counter() - begin
    took.sort()
    print(
        json.dumps(
            {
                "decisions_a_second": round(len(took) / passed, 1),
                "admitted": round(admitted / len(took), 3),
                "p50_ms": round(took[len(took) // 2] * 1000, 3),
                "p99_ms": round(took[int(len(took) * 0.99)] * 1000, 3),
            }
        ),
        flush=True,
    )

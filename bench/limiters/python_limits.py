"""`limits` of PyPI on Redis, moving window, asyncio; runs in the peers' own environment.

python python_limits.py SOCKET CALLERS KEYS SECONDS POINTS WINDOW
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import Any

from lap import lap


async def main(path: str, callers: int, keys: int, seconds: float, points: int, window: int) -> None:
    """Ask."""
    limits: Any = importlib.import_module("limits")
    aio: Any = importlib.import_module("limits.aio")
    storage = aio.storage.RedisStorage(
        f"async+redis+unix://{path}", implementation="redispy", max_connections=callers + 5
    )
    limiter = aio.strategies.MovingWindowRateLimiter(storage)
    item = limits.RateLimitItemPerSecond(points, window)

    async def decide(caller: int, key: int) -> bool:
        return await limiter.hit(item, str(key))

    await lap(callers, keys, seconds, decide)


if __name__ == "__main__":
    path, callers, keys, seconds, points, window = sys.argv[1:]
    asyncio.run(main(path, int(callers), int(keys), float(seconds), int(points), int(window)))

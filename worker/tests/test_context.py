"""What a stopping worker does not wait for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from db.pool import create_pool
from db.settings import Settings
from worker.context import Context, unless_stopped
from worker.main import until_it_works
from worker.registry import keep_registered

NOBODY = "postgresql://quire_worker@127.0.0.1:1/nobody"  # refused, and a pool of it makes callers wait 30 s


async def seconds_to_stop(waits: Coroutine[Any, Any, object], stop: asyncio.Event) -> float:
    """From the stop to the end of what was under way."""
    task = asyncio.ensure_future(waits)
    await asyncio.sleep(0.3)
    assert not task.done()
    begin = time.monotonic()
    stop.set()
    await asyncio.wait_for(task, 20)
    return time.monotonic() - begin


@pytest.mark.parametrize("what", ["registry", "start"])
def test_a_stop_ends_what_waits_for_a_lost_database(what: str) -> None:
    async def run() -> float:
        settings = Settings.from_env({})
        pool = create_pool(NOBODY, settings, min_size=1, max_size=2)
        await pool.open()
        context = Context(settings, pool, concurrency=1)
        try:
            if what == "registry":
                return await seconds_to_stop(keep_registered(context), context.stop)
            step = until_it_works(context.stop, "start", lambda: context.call("select 1"))
            return await seconds_to_stop(step, context.stop)
        finally:
            await pool.close()

    assert asyncio.run(run()) < 6


def test_an_error_of_the_step_is_raised_and_a_stop_is_none() -> None:
    async def fail() -> None:
        raise OSError("gone")

    async def run() -> None:
        stop = asyncio.Event()
        with pytest.raises(OSError, match="gone"):
            await unless_stopped(stop, fail())
        stop.set()
        await unless_stopped(stop, asyncio.sleep(60))

    asyncio.run(asyncio.wait_for(run(), 5))

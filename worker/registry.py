"""The worker in the registry of workers: it reports every ten seconds and leaves when it stops."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket

import psycopg
from psycopg_pool import PoolTimeout

from worker.context import Context, unless_stopped

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0  # SQL counts those of the last 30


async def keep_registered(context: Context) -> None:
    """Report until the worker is to stop, then leave; a database that is away is tried again at the next turn."""
    while not context.stop.is_set():
        try:
            await unless_stopped(context.stop, report(context))
        except (psycopg.Error, PoolTimeout, OSError) as error:
            log.warning("cannot report", extra={"reason": f"{type(error).__name__}: {error}".strip()})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(context.stop.wait(), HEARTBEAT_SECONDS)
    # Not worth waiting for: who has not left is taken out a minute later.
    with contextlib.suppress(psycopg.Error, PoolTimeout, OSError, TimeoutError):
        await asyncio.wait_for(context.call("select indexing.leave(%s::uuid)", context.worker), 2)


async def report(context: Context) -> None:
    """One heartbeat."""
    await context.call(
        "select indexing.heartbeat(%s::uuid, %s::text, %s::integer, %s::integer, %s::text[], %s::bigint)",
        *(context.worker, socket.gethostname(), os.getpid()),
        *(context.concurrency, [one.name for one in await context.models.current()], context.done),
    )

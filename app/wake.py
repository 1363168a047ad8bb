"""Tells the workers, after saves have committed, that there is something to index: debounced, never in a save's way."""

from __future__ import annotations

import asyncio
import logging

from app.calls import Calls, Observer

log = logging.getLogger("app.wake")

_DEBOUNCE_SECONDS = 0.05


class DrainWaker:
    """One background task that turns any number of saves into at most twenty wake-ups a second.

    A lost wake-up costs a tick (2 s), no entry: the worker looks by itself.
    """

    def __init__(self, calls: Calls, observer: Observer) -> None:
        """Args: calls: for api.wake_indexing; observer: counts those calls."""
        self._calls = calls
        self._observer = observer
        self._event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._task = asyncio.create_task(self._run(), name="wake-indexing")

    def saved(self) -> None:
        """A save has committed."""
        self._event.set()

    async def stop(self) -> None:
        """End; the wake-up of a save just made is still sent, within a second."""
        if self._task is None:
            return
        if self._event.is_set():
            await asyncio.wait({asyncio.create_task(self._wake())}, timeout=1)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    async def _run(self) -> None:
        while True:
            await self._event.wait()
            await asyncio.sleep(_DEBOUNCE_SECONDS)
            await self._wake()

    async def _wake(self) -> None:
        self._event.clear()
        try:
            await self._calls.wake_indexing(self._observer)
        except Exception as error:
            # The saves are safe and the worker's own tick finds them: nothing to repeat here.
            log.warning("cannot wake the workers", extra={"cause": type(error).__name__})

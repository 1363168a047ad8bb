"""One answer for all who ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """What is asked at most once at a time: who asks meanwhile gets the same answer, or error. For one event loop."""

    def __init__(self) -> None:
        self._asking: asyncio.Task[T] | None = None

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """The answer to a question; of the one that is under way, if there is one."""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(_run(question))
            self._asking.add_done_callback(self._done)
        return await asyncio.shield(self._asking)  # who goes away takes it from nobody else

    def _done(self, task: asyncio.Task[T]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # seen, though everybody may be gone


async def _run(question: Callable[[], Awaitable[T]]) -> T:
    return await question()

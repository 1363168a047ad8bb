"""One request to an embedder, in a thread, that a stopping worker does not wait for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from db.embedders import Embedder, Outage, Refused, Vectors

T = TypeVar("T")

STOP_GRACE = 3.0  # seconds that a stopping worker gives a provider to answer


class NotAsked(Outage):
    """The provider is not to be asked now, which says nothing new of it: the worker stops, or the breaker is open."""


async def embed_or_stop(embedder: Embedder, texts: Sequence[str], stop: asyncio.Event) -> Vectors:
    """The vectors of texts: one request. A worker that is to stop begins none: a batch may be many of them.

    Raises:
        Outage, Refused: see Embedder; whatever else an embedder raises becomes Refused.
        NotAsked: the worker is to stop, and they do not come in time. Nobody waits for a model that is being loaded.
    """
    if stop.is_set():
        raise NotAsked("the worker stops", retry_after=0.0)
    embedding = asyncio.ensure_future(in_thread(lambda: embedder.embed(texts)))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({embedding, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not embedding.done() and embedder.ready:
            await asyncio.wait({embedding}, timeout=STOP_GRACE)
        if not embedding.done():
            raise NotAsked("the worker stops", retry_after=0.0)
        return await embedding
    except (Outage, Refused):
        raise
    except Exception as error:
        raise Refused(f"{type(error).__name__}: {error}") from error
    finally:
        stopping.cancel()
        embedding.cancel()


async def in_thread(function: Callable[[], T]) -> T:
    """A blocking call in a thread of its own that does not keep the process from ending, unlike an executor's."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)  # pyright: ignore[reportArgumentType]

    def run() -> None:
        value: T | None = None
        error: BaseException | None = None
        try:
            value = function()
        except Exception as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="embed", daemon=True).start()
    return await future

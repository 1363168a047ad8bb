"""Many texts to a provider: packed into requests of bounded size, and refused ones taken apart.

What the four kinds of failure become here: an outage ends the asking (whatever was answered before counts, nobody is
charged); a refused request is halved until the texts to blame stand alone. Before anything is charged to a text, one
harmless text is asked: a provider that refuses that too (wrong model name, wrong dimensions, an answer that is no
embeddings) is out as a whole. So a misconfiguration costs two requests, and none of the queue's entries dies of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from db.embedders.base import Outage, Refused, Vectors
from db.embedders.tokens import estimate, truncate
from db.settings import Settings

Send = Callable[[Sequence[str]], Awaitable[Vectors]]

CANARY = "Quire asks whether anything is answered at all."


@dataclass(frozen=True)
class Limits:
    """What a provider takes. Tokens are estimated: see `tokens`.

    Attributes:
        request_tokens: of all texts of a request together.
        text_tokens: of one text; a longer one is embedded by its beginning.
        inputs: texts of a request.
    """

    request_tokens: int = 50_000
    text_tokens: int = 8_000
    inputs: int = 256

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Those of the settings."""
        return cls(settings.embedding_max_tokens, settings.embedding_text_tokens, settings.embedding_max_inputs)


@dataclass
class Answers:
    """What became of texts, by their place. A place in neither was not answered for: there is an outage then.

    Attributes:
        vectors: unit length, float32.
        refused: why the provider does not embed this text, whatever else it does.
        outage: what ended the asking.
        requests: how many were made.
    """

    vectors: dict[int, NDArray[np.float32]] = field(default_factory=dict[int, NDArray[np.float32]])
    refused: dict[int, str] = field(default_factory=dict[int, str])
    outage: Outage | None = None
    requests: int = 0


def pack(texts: Sequence[str], limits: Limits) -> Iterator[list[tuple[int, str]]]:
    """Requests of (place, text), in order; a text over the limits is cut to its beginning."""
    request: list[tuple[int, str]] = []
    size = 0
    longest = min(limits.text_tokens, limits.request_tokens)
    for place, text in enumerate(texts):
        kept = truncate(text, longest)
        tokens = estimate(kept)
        if request and (size + tokens > limits.request_tokens or len(request) >= limits.inputs):
            yield request
            request, size = [], 0
        request.append((place, kept))
        size += tokens
    if request:
        yield request


async def ask(texts: Sequence[str], send: Send, limits: Limits | None = None) -> Answers:
    """Vectors of texts, as many requests as it takes, one after the other.

    Args:
        texts: to embed; none of them empty.
        send: makes one request. It raises Outage (also to stop: nothing is asked after it) and Refused.
        limits: of a request.

    Returns:
        A vector or a reason for each text, unless an outage came between. Of n texts that are all refused one by one
        2n requests are made, of one among n 2 log2(n) + 2.
    """
    asking = _Asking(send)
    for request in pack(texts, limits or Limits()):
        await asking.settle(request)
        if asking.answers.outage is not None:
            break
    return asking.answers


class _Asking:
    """One call of `ask`: what has been answered, and whether the provider has shown that it answers at all."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._alive = False
        self.answers = Answers()

    async def settle(self, request: Sequence[tuple[int, str]]) -> None:
        if self.answers.outage is not None:
            return
        try:
            vectors = await self._request([text for _, text in request])
        except Outage as outage:
            self.answers.outage = outage
        except Refused as refusal:
            await self._take_apart(request, refusal)
        else:
            for (place, _), vector in zip(request, vectors, strict=True):
                self.answers.vectors[place] = vector

    async def _take_apart(self, request: Sequence[tuple[int, str]], refusal: Refused) -> None:
        alone = len(request) == 1
        # of several texts that are too large together nothing is known yet
        if not self._alive and (alone or not refusal.too_large) and not await self._lives(refusal):
            return
        if alone:
            self.answers.refused[request[0][0]] = str(refusal)
            return
        middle = len(request) // 2
        await self.settle(request[:middle])
        await self.settle(request[middle:])

    async def _lives(self, refusal: Refused) -> bool:
        """Whether a harmless text is embedded; if not, that is the outage."""
        try:
            await self._request([CANARY])
        except Outage as outage:
            self.answers.outage = outage
        except Refused as also:
            outage = Outage(f"nothing is embedded, whatever the text: {also}", retry_after=30.0)
            outage.__cause__ = refusal
            self.answers.outage = outage
        return self._alive

    async def _request(self, texts: Sequence[str]) -> Vectors:
        self.answers.requests += 1
        vectors = await self._send(texts)
        self._alive = True
        return vectors

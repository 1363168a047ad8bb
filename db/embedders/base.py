"""What every embedder is: one method, and two kinds of failure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Outage(Exception):
    """The provider as a whole cannot answer now: unreachable, slow, rate limited, out of credit, wrong key.

    Attributes:
        retry_after: seconds after which it makes sense to ask again.
    """

    def __init__(self, message: str, retry_after: float = 10.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(Exception):
    """The provider answers, but not for these texts (400, 413, 422, content filter, an answer that is no vectors).

    Attributes:
        too_large: the request's size is to blame (413), not what the texts say.
    """

    def __init__(self, message: str, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


class Embedder(Protocol):
    """What makes vectors of texts.

    Attributes:
        name: recorded with each vector (core.embedding_models.name).
        dimensions: d, the length of a vector.
        remote: whether `embed` takes its time, for a network or a neural network: run it in a thread.
        ready: False while a call would first wait for a model to be loaded, some seconds.
    """

    name: str
    dimensions: int
    remote: bool

    @property
    def ready(self) -> bool:
        """See above."""
        ...

    def prepare(self) -> None:
        """Begin to load the model, where there is one to load, without waiting for it. Again is harmless."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, unit length: float32 of shape (len(texts), d).

        Raises:
            Outage: try later. Refused: not these texts.
        """
        ...

    def close(self) -> None:
        """Release connections. Again is harmless."""
        ...


class Unavailable:
    """Stands in for an embedder that cannot be made here: no key, no extra. Every call is an outage that says why."""

    remote = False
    ready = True

    def __init__(self, name: str, dimensions: int, reason: str) -> None:
        self.name, self.dimensions, self._reason = name, dimensions, reason

    def prepare(self) -> None:
        """Nothing to load."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Always an Outage."""
        raise Outage(self._reason, retry_after=30.0)

    def close(self) -> None:
        """Nothing to release."""


def to_text(vector: NDArray[np.float32]) -> str:
    """A vector as pgvector reads it: ``[0.1,0.2,..]``, seven digits, which is float32's precision."""
    numbers = ["0"] * len(vector)
    others = np.flatnonzero(vector)
    for at, number in zip(others.tolist(), cast("list[float]", vector[others].tolist()), strict=True):
        numbers[at] = f"{number:.7g}"
    return "[" + ",".join(numbers) + "]"


def at_unit_length(vectors: Vectors) -> Vectors:
    """Each row divided by its norm, in place; a zero vector stays."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norms, out=vectors, where=norms > 0)

"""Where vectors come from: a built-in hashing embedder, or any OpenAI-compatible endpoint.

An embedder is synchronous; the worker and the API run a remote one in a thread. Failures come in two kinds, treated
differently: Outage is nobody's fault (wait, charge no entry), Refused is about the texts (find out which).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Protocol, cast

import httpx
import numpy as np
from numpy.typing import NDArray

from db.settings import Settings

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
    """The provider answers, but not for these texts (400, 413, 422, content filter, an answer that is no vectors)."""


class Embedder(Protocol):
    """What makes vectors of texts.

    Attributes:
        name: recorded with each vector (core.embedding_models.name).
        dimensions: d, the length of a vector.
        remote: whether `embed` waits for a network (run it in a thread).
    """

    name: str
    dimensions: int
    remote: bool

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, unit length: float32 of shape (len(texts), d).

        Raises:
            Outage: try later. Refused: not these texts.
        """
        ...

    def close(self) -> None:
        """Release connections. Again is harmless."""
        ...


_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Words and character trigrams hashed into 384 signed buckets, sublinear term frequency, unit length.

    No model, no download, honest about being lexical: it finds texts that share words and parts of words (so also other
    forms and misspellings), not texts that mean the same. Feature hashing as Weinberger et al. 2009 describe it, signs
    included, so that chance collisions cancel. The hash is BLAKE2b: the same on every machine and version.
    """

    name = "hashing-384"
    dimensions = 384
    remote = False
    _WORD_WEIGHT = 2.0

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See Embedder. A text without words has the zero vector."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            words = Counter(_WORD.findall(text.lower()))
            grams: Counter[str] = Counter()
            for word, count in words.items():
                padded = f"<{word}>"
                for start in range(len(padded) - 2):
                    grams[padded[start : start + 3]] += count
            for features, kind, weight in ((words, "w", self._WORD_WEIGHT), (grams, "g", 1.0)):
                for feature, count in features.items():
                    bucket, sign = self._bucket(kind + feature)
                    row[bucket] += sign * weight * (1.0 + np.log(count))
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.divide(vectors, norms, out=vectors, where=norms > 0)

    def close(self) -> None:
        """Nothing to release."""

    def _bucket(self, feature: str) -> tuple[int, float]:
        found = self._seen.get(feature)
        if found is None:
            number = int.from_bytes(blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
            found = (number >> 1) % self.dimensions, 1.0 if number & 1 else -1.0
            if len(self._seen) < 200_000:  # some tens of MB; a language's common words and trigrams fit
                self._seen[feature] = found
        return found


class OpenAIEmbedder:
    """Any endpoint that speaks OpenAI's ``POST /v1/embeddings``: OpenAI, Ollama, vLLM, TEI and others.

    Source: https://platform.openai.com/docs/api-reference/embeddings
    """

    remote = True
    _OUTAGE = frozenset({401, 402, 403, 404, 405, 408, 409, 425, 429})  # all of 5xx too

    def __init__(self, url: str, model: str, dimensions: int, api_key: str | None = None, timeout: float = 30) -> None:
        """Describe an endpoint; nothing is sent yet.

        Args:
            url: base URL up to ``/v1``.
            model: its name there, and the name recorded with vectors.
            dimensions: length of its vectors; another length in an answer is refused.
            api_key: sent as bearer token when given.
            timeout: seconds to connect, and that an answer may make no progress.
        """
        self.name = model
        self.dimensions = dimensions
        self._url = url.rstrip("/") + "/embeddings"
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(timeout=httpx.Timeout(timeout), headers=headers)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See Embedder. One request for all texts."""
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        try:
            answer = self._client.post(self._url, json={"model": self.name, "input": list(texts)})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Outage(f"{self._url}: {type(error).__name__}: {error}") from error
        if answer.status_code in self._OUTAGE or answer.status_code >= 500 or answer.is_redirect:
            raise Outage(f"{self._url} answered {answer.status_code}", _retry_after(answer))
        if not answer.is_success:
            raise Refused(f"{self._url} answered {answer.status_code}: {answer.text[:300]}")
        return self._vectors(answer, len(texts))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _vectors(self, answer: httpx.Response, count: int) -> Vectors:
        """The vectors of an answer in the order of the texts, at unit length."""
        try:
            items = cast(list[dict[str, Any]], answer.json()["data"])
            items = sorted(items, key=lambda item: int(item["index"]))
            vectors = np.array([item["embedding"] for item in items], dtype=np.float32)
        except (ValueError, TypeError, KeyError) as error:
            raise Refused(f"{self._url} gave no embeddings: {type(error).__name__}: {error}") from error
        if vectors.shape != (count, self.dimensions):
            raise Refused(f"{self._url} gave vectors of shape {vectors.shape}, not {(count, self.dimensions)}")
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all():
            raise Refused(f"{self._url} gave numbers that are not finite")
        return np.divide(vectors, norms, out=vectors, where=norms > 0)


def from_settings(settings: Settings) -> Embedder:
    """The embedder that the settings name."""
    if settings.embedder == "openai":
        url, model, dimensions = settings.embedding_url, settings.embedding_model, settings.embedding_dimensions
        assert url is not None and model is not None and dimensions is not None  # Settings.from_env has checked
        return OpenAIEmbedder(url, model, dimensions, settings.embedding_api_key, settings.embedding_timeout)
    return HashingEmbedder()


def to_text(vector: NDArray[np.float32]) -> str:
    """A vector as pgvector reads it: ``[0.1,0.2,..]``, seven digits, which is float32's precision."""
    return "[" + ",".join(map("{:.7g}".format, cast("list[float]", vector.tolist()))) + "]"


def _retry_after(answer: httpx.Response) -> float:
    """Seconds of the Retry-After header, within reason; 10 where there is none (dates are not read)."""
    try:
        return min(max(float(answer.headers["retry-after"]), 0.1), 600.0)
    except (KeyError, ValueError):
        return 10.0

